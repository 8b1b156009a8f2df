#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stepcast::proof {

/// An event of an order or of its payment, as the server lists it.
struct ShopEvent {
    std::string id;
    std::uint64_t version = 0;
    std::string type;
    std::int64_t amount = 0;  ///< of PAYMENT_REQUESTED
};

/// What the server says of an order in the end.
struct ShopOrder {
    std::string id;
    std::string status;
    std::int64_t total = 0;
    std::vector<ShopEvent> events{};
    std::vector<ShopEvent> payment{};
    std::optional<std::int64_t>
        confirmed_after_ms{};  ///< from commit to commit; it may have been cancelled since

    bool shipped() const { return status == "SHIPPED"; }
    bool ended() const { return shipped() || status == "CANCELLED"; }
    /// What was charged and not given back.
    std::int64_t kept() const;
};

/// An event of the stock.
struct StockChange {
    std::string id;
    std::uint64_t version = 0;
    std::string type;
    std::string order{};
    std::map<std::int64_t, std::int64_t> items{};  ///< product: quantity
    std::int64_t product = 0;                      ///< of PRODUCT_SET
    std::int64_t stock = 0;                        ///< of PRODUCT_SET
};

/// What is there of a product.
struct Shelf {
    std::int64_t stock = 0;
    std::int64_t reserved = 0;

    friend bool operator==(const Shelf&, const Shelf&) = default;
};
using Shelves = std::map<std::int64_t, Shelf>;

/// What is wrong with an order that ought to have ended: it has not, its versions are not dense, something
/// happened to it twice, it was charged twice or for another sum, it left without its money, or was cancelled
/// and its money kept. Pure, as all here. None: nothing.
std::vector<std::string> faults_of_order(const ShopOrder& order);

/// What is there after all changes.
Shelves fold_stock(const std::vector<StockChange>& changes);
/// What is wrong with the stock once all orders have ended: versions that are not dense, more reserved than
/// is there, an order that was judged or let go twice, or holds something still, or left although it was
/// cancelled, or the other way round; shelves that show something else. `shipped`: of each order, whether it
/// did. At most `most` sentences.
std::vector<std::string> faults_of_stock(const std::vector<StockChange>& changes,
                                         const std::map<std::string, bool>& shipped, const Shelves& shown,
                                         std::size_t most = 10);

}  // namespace stepcast::proof

#pragma once
#include <map>
#include <optional>
#include <unordered_map>

#include "base/hash.hpp"
#include "domain/shop/fields.hpp"
#include "flow/aggregate.hpp"

namespace stepcast::shop {

enum class StockEventType : std::uint8_t {
    set,       ///< an admin says what a product is and how many there are
    reserved,  ///< for an order, all of its items
    refused,   ///< an order, because there is too little of an item; nothing of it is reserved
    barred,    ///< a cancel came before the order: it will not be reserved any more
    released,  ///< an order that is cancelled
    shipped    ///< what was reserved for an order left
};
inline constexpr std::array<std::string_view, 6> stock_type_names{
    "PRODUCT_SET", "STOCK_RESERVED", "STOCK_REFUSED", "STOCK_BARRED", "STOCK_RELEASED", "STOCK_SHIPPED"};

/// One stream, `stock-all`. It never expires.
inline constexpr event::Category stock_category{"stock", "stock", stock_type_names, false};
inline constexpr std::string_view stock_stream = "all";

/// One event of the stock. What its type does not need is empty.
struct StockEvent {
    StockEventType type = StockEventType::set;
    Timestamp at{};
    // Of PRODUCT_SET.
    std::int64_t product_id = 0;
    std::string name{};
    std::int64_t price = 0;
    std::int64_t stock = 0;
    // Of the others.
    std::string order_id{};
    std::vector<OrderItem> items{};
    std::string reason{};  ///< of STOCK_REFUSED

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("productId", self.product_id, may);
        f("name", self.name, may);
        f("price", self.price, may);
        f("stock", self.stock, may);
        f("orderId", self.order_id, may);
        f("items", self.items, may);
        f("reason", self.reason, may);
        f("timestamp", self.at, must);
    }
};

struct Product {
    std::string name{};
    std::int64_t price = 0;
    std::int64_t stock = 0;     ///< that are there, reserved ones too
    std::int64_t reserved = 0;  ///< of them, for orders that have neither left nor ended

    friend bool operator==(const Product&, const Product&) = default;
};

/// The fold of the stock's events.
struct Stock {
    std::map<std::int64_t, Product> products{};
    std::unordered_map<std::string, std::vector<OrderItem>, KeyedHash, std::equal_to<>> held{};  ///< by order

    const Product* find(std::int64_t id) const {
        const auto found = products.find(id);
        return found == products.end() ? nullptr : &found->second;
    }
    friend bool operator==(const Stock&, const Stock&) = default;
};

/// Reserves all items, or refuses the order. Each product stands in `items` once.
StockEvent reserve(const Stock& stock, const std::string& order_id, const std::vector<OrderItem>& items);
/// Of the items that are held for an order; nothing if none are.
std::optional<StockEvent> let_go(const Stock& stock, const std::string& order_id, StockEventType how);
/// Refuses a stock below what is reserved.
result<void> check_set(const Stock& stock, const StockEvent& event);

/// Moves the state by an event, whatever its rules were when it happened.
void evolve(Stock& stock, const StockEvent& event);

event::Draft make_draft(const StockEvent& event, std::string_view event_id);
result<StockEvent> decode_stock(StockEventType type, std::string_view body);
result<StockEvent> decode_stock(const event::Event& stored);
result<void> check_stored_stock(const event::Event& draft);
/// `{"productId":1,"name":…,"price":…,"stock":…,"reserved":…}`
std::string encode_product(std::int64_t id, const Product& product);
/// The whole state as one JSON object, and back; nothing if it cannot be read.
std::string encode_stock(const Stock& stock);
std::optional<Stock> load_stock(std::string_view saved);

class StockAggregate final : public flow::Aggregate {
  public:
    void evolve(const event::Event& event, std::string_view body) override;
    std::string save() const override { return encode_stock(stock_); }
    bool restore(std::string_view saved) override;

    const Stock& stock() const { return stock_; }
    bool broken() const { return broken_; }

  private:
    Stock stock_;
    bool broken_ = false;
};

flow::AggregateKind stock_kind();

}  // namespace stepcast::shop

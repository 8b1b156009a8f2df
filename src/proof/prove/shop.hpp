#pragma once
#include <cstdint>
#include <iosfwd>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "proof/load/latencies.hpp"
#include "proof/prove/shop_history.hpp"
#include "proof/prove/siege.hpp"

namespace stepcast::proof {

/// What a run of `stepcast prove --shop` came to.
struct ShopVerdict {
    std::uint32_t kills = 0;
    std::uint64_t accepted = 0;
    std::uint64_t confirmed = 0;    ///< paid and shipped
    std::uint64_t compensated = 0;  ///< cancelled, with all that was done for them undone
    std::uint64_t stuck = 0;        ///< neither, within the limit
    std::uint64_t cancels = 0;      ///< asked for by customers
    std::uint64_t repeats = 0;      ///< requests sent again, because nobody answered
    std::int64_t kept = 0;          ///< won that were charged and not given back
    std::int64_t sold = 0;          ///< what it must be: the sum of what was shipped
    std::int64_t put_in = 0;        ///< units of all products
    std::int64_t left = 0;          ///< of them, there in the end
    std::int64_t shipped = 0;       ///< of them, in orders that left
    Latencies acceptance;           ///< of orders that were answered at their first attempt
    Latencies completion;           ///< from the commit of the order to that of its confirmation
    std::string hash;               ///< of what became of each order
    std::vector<std::string> failures;
};

/// `stepcast prove --shop`; the seed is drawn. Returns what `run_prove` does.
int run_shop_proof(const ProveOptions& options, std::ostream& out);

/// Customers order and cancel while the server is killed and started again; then every order must have ended,
/// and money and stock are counted. One thread.
class ShopProof {
  public:
    ShopProof(const ProveOptions& options, ProveTarget target, std::string folder);

    ShopVerdict carry_out();

  private:
    struct Placed {
        std::string key;  ///< of the call
        std::string id;
        std::string user;
    };

    aio::awaitable<void> direct();
    aio::awaitable<bool> fill_shelves();
    aio::awaitable<void> visit(std::uint32_t customer);
    aio::awaitable<void> order(client::HttpClient& http, const std::string& user, const std::string& key);
    aio::awaitable<void> cancel(client::HttpClient& http, const std::string& id);
    std::string draw_order(const std::string& user);

    aio::awaitable<void> audit();
    aio::awaitable<ShopOrder> await_end(client::HttpClient& http, const Placed& placed);
    aio::awaitable<ShopOrder> read_order(client::HttpClient& http, const std::string& id);
    void note_end(const ShopOrder& order);
    aio::awaitable<void> audit_stock(client::HttpClient& http);
    aio::awaitable<Shelves> read_shelves(client::HttpClient& http);
    aio::awaitable<void> audit_notifications(client::HttpClient& http);

    const ProveOptions& options_;
    Siege siege_;
    std::vector<Placed> placed_;
    std::map<std::string, bool> shipped_;  // by order: whether it was
    ShopVerdict verdict_;
};

}  // namespace stepcast::proof

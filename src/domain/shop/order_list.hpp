#pragma once
#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "domain/shop/order.hpp"
#include "flow/projection.hpp"

namespace stepcast::shop {

/// Which orders there are, the newest first, of everybody and of each customer: the side of orders that is
/// read (CQRS). Holds what they are found by; what they are stands in their streams. On the core strand.
class OrderList final : public flow::Projection {
  public:
    std::span<const event::Category* const> categories() const override;
    aio::awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override;
    /// Orders never expire.
    void expired(const store::ExpiredStream&) override {}
    std::uint64_t memory() const override;
    void reset() override;

    /// Where an order stands in the list.
    struct Place {
        Timestamp created_at{};
        std::string id{};
    };
    struct Question {
        std::string customer{};               ///< empty: anybody's
        std::optional<OrderStatus> status{};  ///< none: any
        Timestamp since = Timestamp::min();   ///< it was placed then or later
        Timestamp until = Timestamp::max();   ///< or earlier than that
        std::optional<Place> after{};         ///< where the page before ended
        std::size_t limit = 100;
    };
    struct Found {
        std::vector<std::string> ids{};
        /// The list may go on behind this. Of a rare status a page may be short, and go on all the same: no
        /// more than 10,000 orders are looked at for it.
        std::optional<Place> next{};
    };
    Found find(const Question& question) const;

    std::size_t size() const { return orders_.size(); }
    /// Events that could not be read: orders are missing. Any thread.
    std::uint64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }

  private:
    struct Entry {
        Timestamp created_at{};
        OrderStatus status = OrderStatus::unknown;
    };
    using Orders = std::unordered_map<std::string, Entry>;
    struct NewestFirst {
        using is_transparent = void;
        bool operator()(const Orders::value_type* a, const Orders::value_type* b) const {
            return before(a->second.created_at, a->first, b->second.created_at, b->first);
        }
        bool operator()(const Orders::value_type* a, const Place& b) const {
            return before(a->second.created_at, a->first, b.created_at, b.id);
        }
        bool operator()(const Place& a, const Orders::value_type* b) const {
            return before(a.created_at, a.id, b->second.created_at, b->first);
        }
        static bool before(Timestamp a, std::string_view a_id, Timestamp b, std::string_view b_id) {
            return a != b ? a > b : a_id < b_id;
        }
    };
    using Sorted = std::set<const Orders::value_type*, NewestFirst>;

    bool add(const event::Event& event);

    Orders orders_;
    Sorted all_;
    std::unordered_map<std::string, Sorted> by_customer_;
    std::atomic<std::uint64_t> skipped_{0};
};

}  // namespace stepcast::shop

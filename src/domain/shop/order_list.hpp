#pragma once
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "domain/shop/order.hpp"
#include "flow/projection.hpp"
#include "flow/twofold.hpp"

namespace stepcast::shop {

/// By what orders are found: of everybody and of each customer, the newest first. A value without a strand,
/// which can be moved and leaves its entries where they are.
class OrderIndex {
  public:
    struct Entry {
        Timestamp created_at{};
        OrderStatus status = OrderStatus::unknown;
        std::string customer{};

        friend bool operator==(const Entry&, const Entry&) = default;
    };
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

    /// Folds the next event of its order. False, and the order is missing, if its first one cannot be read.
    bool apply(const event::Event& event);
    Found search(const Question& question) const;

    /// Null: it is not there.
    const Entry* find(std::string_view id) const;
    /// The order's id as it is kept here; empty: it is not there.
    std::string_view id_of(std::string_view id) const;
    std::size_t size() const { return orders_.size(); }
    std::uint64_t memory() const;
    /// Forgets some orders, at most `count`; false once it holds none.
    bool shed(std::size_t count);

  private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    using Orders = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
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
};

/// Which orders there are: the side of orders that is read (CQRS). Holds what they are found by; what they
/// are stands in their streams. On the core strand.
class OrderList final : public flow::Projection {
  public:
    using Place = OrderIndex::Place;
    using Question = OrderIndex::Question;
    using Found = OrderIndex::Found;

    std::span<const event::Category* const> categories() const override;
    aio::awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override;
    /// Orders never expire.
    void expired(const store::ExpiredStream&) override {}
    std::uint64_t memory() const override { return orders_.memory(); }
    void reset() override { orders_.reset(); }

    Found find(const Question& question) const { return orders_.state().search(question); }
    std::size_t size() const { return orders_.state().size(); }
    /// Events that could not be read: orders are missing. Any thread.
    std::uint64_t skipped() const { return orders_.skipped(); }
    /// For a rebuild.
    flow::Refoldable& refoldable() { return orders_; }

  private:
    flow::Twofold<OrderIndex> orders_{order_category};
};

}  // namespace stepcast::shop

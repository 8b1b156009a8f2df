#pragma once
#include <array>

#include "domain/calls.hpp"
#include "domain/shop/catalogue.hpp"
#include "domain/shop/errands.hpp"
#include "domain/shop/messages.hpp"
#include "domain/shop/order_codec.hpp"
#include "flow/commands.hpp"
#include "http/past.hpp"

namespace stepcast::shop {

/// The order service: takes orders, moves them by what the other services say, and ships what is confirmed.
class Orders {
  public:
    struct Options {
        std::string prefix{};  ///< before topics
        /// An order that is not paid after this is cancelled. Of orchestrated ones each step has a time of
        /// its own; one whose first step has not ended after twice this is cancelled.
        Duration step_timeout = std::chrono::minutes{1};
        Duration ship_after = std::chrono::minutes{1};  ///< it can be cancelled for so long after it is paid
        bool orchestrated = false;                      ///< whether the orders that are taken from now on are
    };

    Orders(const domain::Parts& parts, const Catalogue& catalogue, Options options);

    struct Wish {
        std::string id;
        std::string user;
        std::vector<OrderItem> items;  ///< their prices are filled in
        std::string address;
        std::string payment_method;
        /// What its commit writes besides: refused with it as wrong_expected_version.
        std::optional<store::Append> also{};
        event::Metadata cause{};  ///< of all that it leads to
    };
    /// Returns once the order is durable. `replayed`: there was this order. Any strand.
    aio::awaitable<result<domain::Written>> place(Wish wish);
    /// `caller`: whose order it must be; empty: not asked. Any strand.
    aio::awaitable<result<domain::Written>> cancel(std::string id, std::string caller,
                                                   event::Metadata cause = {});
    struct View {
        Order order;
        event::Version version = 0;
    };
    /// The order now or in the past; a version beyond its head is unknown. Any strand.
    aio::awaitable<result<View>> view(std::string id, http::Past past = {});
    /// Its events from a version on, up to one. Any strand.
    aio::awaitable<result<store::Page>> events(std::string id, event::Version from, event::Version to,
                                               std::size_t limit);

    // On the core strand, as everything below.
    aio::awaitable<result<void>> on_stock_reserved(StockReservedEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_stock_reservation_failed(StockReservationFailedEvent event,
                                                             event::Metadata cause);
    aio::awaitable<result<void>> on_payment_completed(PaymentCompletedEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_payment_failed(PaymentFailedEvent event, event::Metadata cause);

    /// What is said of an order; too late, or of an order that nobody placed, it changes nothing.
    aio::awaitable<result<void>> hear(std::string id, OrderNews news, std::string reason,
                                      event::Metadata cause);

    void start() { errands_.start(); }
    /// After Committer::stop.
    aio::awaitable<void> stop();
    void read_metrics(MetricSink& sink) const;

  private:
    struct News {
        OrderNews news{};
        std::string reason{};
        std::string caller{};
        event::Metadata cause{};
    };

    aio::awaitable<result<domain::Written>> write_first(Wish wish);
    result<OrderEvent> priced(const Wish& wish) const;
    aio::awaitable<result<domain::Written>> write_cancel(std::string id, std::string caller,
                                                         event::Metadata cause);
    aio::awaitable<result<View>> load(std::string id, http::Past past = {});
    aio::awaitable<result<store::Receipt>> tell(std::string id, News news);
    aio::awaitable<result<bool>> step(std::string id);
    flow::Decision decision(const std::string& id, const Order& before, std::vector<OrderEvent> events,
                            event::Version version) const;
    void owe(store::Commit& beside, const std::string& id, const std::string& event_id, const Order& before,
             const Order& after, const OrderEvent& event) const;
    /// When something becomes of it although nobody says anything.
    std::optional<Timestamp> due_of(const Order& order) const;
    void set_timer(store::Commit& beside, const std::string& id, const Order& after) const;

    const domain::Parts parts_;
    const Catalogue& catalogue_;
    const Options options_;
    flow::Commands commands_;
    mutable std::array<std::uint64_t, order_type_names.size()> decided_{};  // events, by type
    Errands errands_;
};

}  // namespace stepcast::shop

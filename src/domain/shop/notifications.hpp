#pragma once
#include "domain/calls.hpp"
#include "domain/module.hpp"
#include "domain/shop/mailboxes.hpp"
#include "flow/inbox.hpp"

namespace stepcast::shop {

/// The notification service: tells users what became of their orders. On the core strand, unless said
/// otherwise.
class Notifications {
  public:
    struct Options {
        std::string prefix{};  ///< before topics
        Duration inbox_keep = std::chrono::hours{169};
    };

    /// All outlive it.
    Notifications(const domain::Parts& parts, const Mailboxes& mailboxes, Options options);

    aio::awaitable<result<void>> on_order_created(OrderCreatedEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_stock_reservation_failed(StockReservationFailedEvent event,
                                                             event::Metadata cause);
    aio::awaitable<result<void>> on_payment_completed(PaymentCompletedEvent event, event::Metadata cause);

    struct List {
        std::string json;
        event::Version next = 0;  ///< the version that the rest begins with; 0: there is none
    };
    /// A user's notifications from a version on. Any strand.
    aio::awaitable<result<List>> list(std::string user, event::Version from, std::size_t limit);
    /// The user has read what they were told up to a version: marked once, and shown so once it returns. A
    /// version beyond the head is unknown. Any strand.
    aio::awaitable<result<domain::Written>> mark_read(std::string user, event::Version up_to,
                                                      event::Metadata cause);
    /// What a stream tells the user: what they missed behind `cursor`, or else the mailbox. It hops to the
    /// core by itself.
    std::unique_ptr<broadcast::StreamSource> source_of(std::string user, std::string cursor);
    /// Messages that came again.
    std::uint64_t duplicates() const { return duplicates_; }

  private:
    aio::awaitable<result<void>> notify(NotificationEvent event, event::Metadata cause);
    aio::awaitable<result<List>> read_list(std::string user, event::Version from, std::size_t limit);
    aio::awaitable<result<domain::Written>> mark(std::string user, event::Version up_to,
                                                 event::Metadata cause);

    const domain::Parts parts_;
    const Mailboxes& mailboxes_;
    const Options options_;
    const flow::Inbox inbox_;
    std::uint64_t duplicates_ = 0;
};

}  // namespace stepcast::shop

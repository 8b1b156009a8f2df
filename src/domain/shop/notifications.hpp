#pragma once
#include "domain/module.hpp"
#include "domain/shop/messages.hpp"
#include "flow/inbox.hpp"

namespace stepcast::shop {

inline constexpr std::array<std::string_view, 1> notification_type_names{"NOTIFIED"};
/// Streams `notification-USER`. They expire, so that a message which comes again is known by its inbox mark.
inline constexpr event::Category notification_category{"notification", "notification",
                                                       notification_type_names, true};

result<void> check_stored_notification(const event::Event& draft);

/// The notification service: tells users what became of their orders. On the core strand, unless said
/// otherwise.
class Notifications {
  public:
    struct Options {
        std::string prefix{};  ///< before topics
        Duration inbox_keep = std::chrono::hours{169};
    };

    Notifications(const domain::Parts& parts, Options options);

    aio::awaitable<result<void>> on_order_created(OrderCreatedEvent event);
    aio::awaitable<result<void>> on_stock_reservation_failed(StockReservationFailedEvent event);
    aio::awaitable<result<void>> on_payment_completed(PaymentCompletedEvent event);

    /// A user's notifications from a version on. Any strand.
    aio::awaitable<result<store::Page>> list(std::string user, event::Version from, std::size_t limit);
    /// Messages that came again.
    std::uint64_t duplicates() const { return duplicates_; }

  private:
    aio::awaitable<result<void>> notify(NotificationEvent event);

    const domain::Parts parts_;
    const Options options_;
    const flow::Inbox inbox_;
    std::uint64_t duplicates_ = 0;
};

}  // namespace stepcast::shop

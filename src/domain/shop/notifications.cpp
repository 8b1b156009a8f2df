#include "domain/shop/notifications.hpp"

#include <fmt/format.h>

#include "aio/spawn.hpp"

namespace stepcast::shop {

result<void> check_stored_notification(const event::Event& draft) {
    const auto read = from_json<NotificationEvent>(std::string{"{"}.append(draft.body()));
    if (!read) return fail(errc::unreadable, read.error().field, read.error().detail);
    if (read->user_id != draft.stream_id() || read->notification_id != draft.id())
        return fail(errc::unreadable, "userId", "is another than that of the stream");
    return {};
}

Notifications::Notifications(const domain::Parts& parts, Options options)
    : parts_{parts},
      options_{std::move(options)},
      inbox_{"notification-service", options_.inbox_keep, parts.store, parts.clock} {}

aio::awaitable<result<void>> Notifications::on_order_created(OrderCreatedEvent event) {
    return notify({.user_id = std::move(event.user_id),
                   .type = "ORDER_CREATED",
                   .message = fmt::format("주문이 접수되었습니다: {}원", event.total_amount),
                   .order_id = std::move(event.order_id)});
}

aio::awaitable<result<void>> Notifications::on_stock_reservation_failed(StockReservationFailedEvent event) {
    return notify({.user_id = std::move(event.user_id),
                   .type = "ORDER_FAILED",
                   .message = fmt::format("주문이 취소되었습니다: {}", event.reason),
                   .order_id = std::move(event.order_id)});
}

aio::awaitable<result<void>> Notifications::on_payment_completed(PaymentCompletedEvent event) {
    return notify({.user_id = std::move(event.user_id),
                   .type = "PAYMENT_COMPLETED",
                   .message = fmt::format("결제가 완료되었습니다: {}원", event.amount),
                   .order_id = std::move(event.order_id)});
}

aio::awaitable<result<void>> Notifications::notify(NotificationEvent event) {
    event.notification_id = fmt::format("{}:{}", event.order_id, event.type);
    event.timestamp = parts_.clock.now();
    const auto json = to_json(event);
    store::Commit commit;
    commit.appends.emplace_back().events.push_back(
        event::Event::make({.category = &notification_category,
                            .stream_id = domain::inside(json, event.user_id),
                            .id = domain::inside(json, event.notification_id),
                            .subject = domain::inside(json, event.user_id),
                            .json = json}));
    commit.outbox.push_back({.id = fmt::format("{} {}", topic::user_notifications, event.notification_id),
                             .topic = std::string{options_.prefix}.append(topic::user_notifications),
                             .key = event.user_id,
                             .value = json});
    commit.inbox = inbox_.mark(event.notification_id);
    const auto written = co_await parts_.committer.commit(std::move(commit));
    if (!written) co_return fail(written.error().code, {}, written.error().detail);
    if (written->deduplicated) ++duplicates_;
    parts_.owed();
    co_return result<void>{};
}

aio::awaitable<result<store::Page>> Notifications::list(std::string user, event::Version from,
                                                        std::size_t limit) {
    return aio::run_on(parts_.core, [this, user = std::move(user), from, limit] {
        return parts_.store.read_stream(notification_category, user,
                                        {store::Range::By::version, from, UINT64_MAX, limit});
    });
}

}  // namespace stepcast::shop

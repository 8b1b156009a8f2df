#include "domain/shop/notifications.hpp"

#include <fmt/format.h>

#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "flow/cause.hpp"
#include "flow/replay_source.hpp"

namespace stepcast::shop {

namespace {

constexpr std::chrono::seconds shown_within{5};

/// What one user's stream begins with, and goes on with.
class OfUser final : public flow::Recoveries {
  public:
    OfUser(const domain::Parts& parts, const Mailboxes& mailboxes, std::string user)
        : parts_{parts}, mailboxes_{mailboxes}, user_{std::move(user)} {}

    bool live() const override { return parts_.hub.live(); }
    flow::Replay::Moment moment() const override { return {parts_.store.epoch(), parts_.hub.applied()}; }
    aio::awaitable<result<flow::Replay::Head>> head() override {
        co_return flow::Replay::Head{parts_.store.head()};
    }
    aio::awaitable<result<store::Page>> read(store::Range range) override {
        static constexpr std::array<const event::Category*, 1> categories{&notification_category};
        return parts_.store.read_subject(user_, categories, range);
    }

    // Who goes on at a cursor has the mailbox, and is told what came since.
    aio::awaitable<result<flow::Replay::Begun>> begin(flow::RecoveryReason reason, event::Position) override {
        due_ = reason != flow::RecoveryReason::resume;
        co_return flow::Replay::Begun{};
    }
    aio::awaitable<result<std::optional<flow::Recovery>>> next_due() override {
        if (!std::exchange(due_, false)) co_return std::nullopt;
        const auto& box = mailboxes_.find(user_);
        const auto frame = fmt::format("event: recovery\ndata: {}\n\n", encode_mailbox(user_, box));
        co_return flow::Recovery{event::Event::control(notification_category, frame, user_, user_), user_,
                                 box.position};
    }
    aio::awaitable<result<std::optional<flow::Recovery>>> next_turned() override { co_return std::nullopt; }

    bool ends_with(const event::Event&) const override { return false; }
    bool admits(const event::Event&) const override { return true; }
    bool inspects() const override { return false; }

  private:
    const domain::Parts& parts_;
    const Mailboxes& mailboxes_;
    const std::string user_;
    bool due_ = false;
};

}  // namespace

Notifications::Notifications(const domain::Parts& parts, const Mailboxes& mailboxes, Options options)
    : parts_{parts},
      mailboxes_{mailboxes},
      options_{std::move(options)},
      inbox_{"notification-service", options_.inbox_keep, parts.store, parts.clock} {}

aio::awaitable<result<void>> Notifications::on_order_created(OrderCreatedEvent event, event::Metadata cause) {
    return notify({.user_id = std::move(event.user_id),
                   .type = "ORDER_CREATED",
                   .message = fmt::format("주문이 접수되었습니다: {}원", event.total_amount),
                   .order_id = std::move(event.order_id)},
                  std::move(cause));
}

aio::awaitable<result<void>> Notifications::on_stock_reservation_failed(StockReservationFailedEvent event,
                                                                        event::Metadata cause) {
    return notify({.user_id = std::move(event.user_id),
                   .type = "ORDER_FAILED",
                   .message = fmt::format("주문이 취소되었습니다: {}", event.reason),
                   .order_id = std::move(event.order_id)},
                  std::move(cause));
}

aio::awaitable<result<void>> Notifications::on_payment_completed(PaymentCompletedEvent event,
                                                                 event::Metadata cause) {
    return notify({.user_id = std::move(event.user_id),
                   .type = "PAYMENT_COMPLETED",
                   .message = fmt::format("결제가 완료되었습니다: {}원", event.amount),
                   .order_id = std::move(event.order_id)},
                  std::move(cause));
}

aio::awaitable<result<void>> Notifications::notify(NotificationEvent event, event::Metadata cause) {
    event.notification_id = fmt::format("{}:{}", event.order_id, event.type);
    event.timestamp = parts_.clock.now();
    store::Commit commit;
    commit.appends.emplace_back().events.push_back(make_draft(event));
    commit.outbox.push_back({.id = fmt::format("{} {}", topic::user_notifications, event.notification_id),
                             .topic = std::string{options_.prefix}.append(topic::user_notifications),
                             .key = event.user_id,
                             .value = to_json(event)});
    commit.inbox = inbox_.mark(event.notification_id);
    flow::lay_on(commit, cause);
    const auto written = co_await parts_.committer.commit(std::move(commit));
    if (!written) co_return fail(written.error().code, {}, written.error().detail);
    if (written->deduplicated) ++duplicates_;
    parts_.owed();
    co_return result<void>{};
}

aio::awaitable<result<Notifications::List>> Notifications::list(std::string user, event::Version from,
                                                                std::size_t limit) {
    return aio::run_on(parts_.core,
                       [this, user = std::move(user), from, limit] { return read_list(user, from, limit); });
}

// Marks that stand between notifications are none, so a page may be shorter than it was asked for.
aio::awaitable<result<Notifications::List>> Notifications::read_list(std::string user, event::Version from,
                                                                     std::size_t limit) {
    const auto page = co_await parts_.store.read_stream(notification_category, user,
                                                        {store::Range::By::version, from, UINT64_MAX, limit});
    if (!page) co_return tl::unexpected{page.error()};
    const auto read_up_to = mailboxes_.find(user).read_up_to;
    List list{"["};
    for (const auto& event : page->events) {
        if (static_cast<NotificationEventType>(event->type_index()) != NotificationEventType::notified)
            continue;
        if (list.json.back() != '[') list.json += ',';
        append_notification(list.json, *event, read_up_to);
    }
    list.json += ']';
    if (page->more) list.next = page->through + 1;
    co_return list;
}

aio::awaitable<result<domain::Written>> Notifications::mark_read(std::string user, event::Version up_to,
                                                                 event::Metadata cause) {
    return aio::run_on(parts_.core, [this, user = std::move(user), up_to, cause = std::move(cause)] {
        return mark(user, up_to, cause);
    });
}

aio::awaitable<result<domain::Written>> Notifications::mark(std::string user, event::Version up_to,
                                                            event::Metadata cause) {
    if (!parts_.hub.live()) co_return fail(errc::rebuilding);
    const auto& box = mailboxes_.find(user);
    if (up_to > box.version) co_return fail(errc::unknown_version);
    auto position = parts_.store.head();
    if (up_to > box.read_up_to) {
        store::Commit commit;
        commit.appends.emplace_back().events.push_back(make_draft(
            ReadMark{
                .user_id = user, .up_to = static_cast<std::int64_t>(up_to), .timestamp = parts_.clock.now()},
            random_uuid()));
        flow::lay_on(commit, cause);
        const auto written = co_await parts_.committer.commit(std::move(commit));
        if (!written) co_return fail(written.error().code, {}, written.error().detail);
        position = written->position;
        co_await parts_.hub.wait_applied(position, shown_within);
    }
    const auto& now = mailboxes_.find(user);
    domain::Answer answer;
    domain::Object{answer.body}.number("unread", now.unread.size()).number("readUpTo", now.read_up_to).end();
    co_return domain::Written{std::move(answer), position};
}

std::unique_ptr<broadcast::StreamSource> Notifications::source_of(std::string user, std::string cursor) {
    return std::make_unique<flow::ReplaySource>(
        parts_.core, std::make_unique<OfUser>(parts_, mailboxes_, std::move(user)), std::move(cursor));
}

}  // namespace stepcast::shop

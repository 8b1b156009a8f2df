#include "domain/shop/payments.hpp"

#include <fmt/format.h>

namespace stepcast::shop {
namespace {

using namespace std::chrono_literals;
using PaymentType = PaymentEventType;

// Who drives an errand does it at once; its timer is for the start after a crash, or for when there was no
// room.
constexpr Duration retake_after = 30s;
// Of the whole patience; a charge whose answer is lost is asked for again under the same key.
constexpr int attempts = 3;

const PaymentAggregate& payment_of(const flow::Aggregate& state) {
    return static_cast<const PaymentAggregate&>(state);
}

}  // namespace

Payments::Payments(const domain::Parts& parts, Options options)
    : parts_{parts},
      options_{std::move(options)},
      commands_{parts.core, parts.store, parts.committer, payment_kind(), {}},
      errands_{parts, {.kind = "shop-payment", .all_at_start = true}, [this](std::string id) {
                   return step(std::move(id));
               }} {}

aio::awaitable<void> Payments::stop() {
    co_await errands_.stop();
    co_await commands_.stop();
}

aio::awaitable<result<void>> Payments::on_stock_reserved(StockReservedEvent event) {
    return move({.type = PaymentType::requested,
                 .order_id = std::move(event.order_id),
                 .user_id = std::move(event.user_id),
                 .amount = event.total_amount,
                 .method = std::move(event.payment_method)});
}

aio::awaitable<result<void>> Payments::on_order_cancelled(OrderCancelledEvent event) {
    return move({.type = PaymentType::cancelled,
                 .order_id = std::move(event.order_id),
                 .user_id = std::move(event.user_id),
                 .reason = std::move(event.reason)});
}

// Where the payment cannot go on so, nothing is written: another event came first, or this one came before.
aio::awaitable<result<void>> Payments::move(PaymentEvent event) {
    const auto id = event.order_id;
    event.at = parts_.clock.now();
    const auto receipt =
        co_await commands_.handle({.stream_id = id,
                                   .decide = [this, event](const flow::Aggregate& state,
                                                           event::Version version) -> result<flow::Decision> {
                                       if (payment_of(state).broken()) return fail(errc::unreadable);
                                       if (!may_follow(payment_of(state).payment(), event.type))
                                           return flow::Decision{};
                                       return decision(payment_of(state).payment(), event, version);
                                   }});
    if (!receipt) co_return tl::unexpected{receipt.error()};
    parts_.owed();
    if (receipt->version != 0 &&
        (event.type == PaymentType::requested || event.type == PaymentType::cancelled))
        errands_.go_on(id);
    co_return result<void>{};
}

flow::Decision Payments::decision(const Payment& before, PaymentEvent event, event::Version version) const {
    Payment after = before;
    evolve(after, event);
    const auto& user = after.user_id.empty() ? event.user_id : after.user_id;
    flow::Decision decision;
    auto& beside = decision.beside;
    decision.events.push_back(make_draft(event, fmt::format("{}:{}", event.order_id, version + 1), user));
    if (event.type == PaymentType::completed)
        beside.outbox.push_back(
            message_of(options_.prefix, topic::payment_completed,
                       PaymentCompletedEvent{event.order_id, user, after.amount, event.at}));
    if (event.type == PaymentType::failed)
        beside.outbox.push_back(
            message_of(options_.prefix, topic::payment_failed,
                       PaymentFailedEvent{{event.order_id, user, after.reason, event.at}}));
    if (after.under_way())
        beside.timers.push_back(errands_.timer(event.order_id, event.at + retake_after));
    else
        beside.fired.push_back(errands_.timer_id(event.order_id));
    return decision;
}

aio::awaitable<result<bool>> Payments::step(std::string id) {
    const auto loaded = co_await commands_.reader().load(id);
    if (!loaded) co_return tl::unexpected{loaded.error()};
    if (payment_of(*loaded->state).broken()) co_return fail(errc::unreadable);
    const auto& payment = payment_of(*loaded->state).payment();
    if (payment.status == PaymentStatus::requested) co_return co_await charge(id, payment);
    if (payment.status != PaymentStatus::cancelling) co_return false;
    provider_.refund(id);
    const auto moved = co_await move({.type = PaymentType::refunded, .order_id = id});
    if (!moved) co_return tl::unexpected{moved.error()};
    co_return false;
}

aio::awaitable<result<bool>> Payments::charge(const std::string& id, const Payment& payment) {
    PaymentEvent outcome{.type = PaymentType::failed, .order_id = id};
    const auto answer =
        co_await provider_.charge(id, payment.method, options_.timeout / attempts, errands_.stopping());
    switch (answer) {
        case PaymentSimulator::Answer::charged:
            outcome.type = PaymentType::completed;
            break;
        case PaymentSimulator::Answer::declined:
            outcome.reason = "결제 거절";
            break;
        case PaymentSimulator::Answer::silence:
            if (errands_.stopping().raised()) co_return false;
            if (parts_.clock.now() < payment.requested_at + options_.timeout) co_return true;
            provider_.refund(id);  // nobody knows whether it was charged
            outcome.reason = "결제 응답 없음";
            break;
    }
    const auto moved = co_await move(std::move(outcome));
    if (!moved) co_return tl::unexpected{moved.error()};
    co_return true;
}

}  // namespace stepcast::shop

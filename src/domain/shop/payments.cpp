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

Payments::Payments(const domain::Parts& parts, PaymentProvider& provider, Options options)
    : parts_{parts},
      options_{std::move(options)},
      provider_{provider},
      commands_{parts.core, parts.store, parts.committer, payment_kind(), {}},
      errands_{parts, {.kind = "shop-payment", .all_at_start = true}, [this](std::string id) {
                   return step(std::move(id));
               }} {}

aio::awaitable<void> Payments::stop() {
    co_await errands_.stop();
    co_await commands_.stop();
}

aio::awaitable<result<void>> Payments::on_stock_reserved(StockReservedEvent event) {
    if (event.saga == orchestration) co_return result<void>{};
    co_return co_await request({.order_id = std::move(event.order_id),
                                .user_id = std::move(event.user_id),
                                .total_amount = event.total_amount,
                                .payment_method = std::move(event.payment_method)});
}

aio::awaitable<result<void>> Payments::on_order_cancelled(OrderCancelledEvent event) {
    if (event.saga == orchestration) co_return result<void>{};
    co_return co_await cancel({.order_id = std::move(event.order_id),
                               .user_id = std::move(event.user_id),
                               .reason = std::move(event.reason)});
}

// Whoever commands to undo waits for an answer each time, also where nothing is left to undo.
aio::awaitable<result<void>> Payments::on_command(OrderCommand command) {
    if (command.command == StepCommand::charge) co_return co_await request(std::move(command));
    if (command.command != StepCommand::refund) co_return result<void>{};
    const auto id = command.order_id;
    const auto moved = co_await cancel(std::move(command));
    if (!moved) co_return moved;
    const auto payment = co_await load(id);
    if (!payment) co_return tl::unexpected{payment.error()};
    if (payment->under_way()) {
        errands_.go_on(id);
        co_return result<void>{};
    }
    store::Commit answer;
    answer.outbox.push_back(
        compensation_message(options_.prefix, {id, std::string{step_name::payment}, parts_.clock.now()}));
    const auto answered = co_await parts_.committer.commit(std::move(answer));
    if (!answered) co_return fail(answered.error().code, {}, answered.error().detail);
    parts_.owed();
    co_return result<void>{};
}

aio::awaitable<result<void>> Payments::request(OrderCommand order) {
    return move({.type = PaymentType::requested,
                 .order_id = std::move(order.order_id),
                 .user_id = std::move(order.user_id),
                 .amount = order.total_amount,
                 .method = std::move(order.payment_method)});
}

aio::awaitable<result<void>> Payments::cancel(OrderCommand order) {
    return move({.type = PaymentType::cancelled,
                 .order_id = std::move(order.order_id),
                 .user_id = std::move(order.user_id),
                 .reason = std::move(order.reason)});
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
                       PaymentFailedEvent{{event.order_id, user, after.reason, {}, event.at}}));
    if (event.type == PaymentType::refunded)
        beside.outbox.push_back(compensation_message(
            options_.prefix, {event.order_id, std::string{step_name::payment}, event.at}));
    if (after.under_way())
        beside.timers.push_back(errands_.timer(event.order_id, event.at + retake_after));
    else
        beside.fired.push_back(errands_.timer_id(event.order_id));
    return decision;
}

aio::awaitable<result<bool>> Payments::step(std::string id) {
    const auto payment = co_await load(id);
    if (!payment) co_return tl::unexpected{payment.error()};
    if (payment->status == PaymentStatus::requested) co_return co_await charge(id, *payment);
    if (payment->status != PaymentStatus::cancelling) co_return false;
    const auto refunded = co_await refund(id);
    if (!refunded) co_return tl::unexpected{refunded.error()};
    const auto moved = co_await move({.type = PaymentType::refunded, .order_id = id});
    if (!moved) co_return tl::unexpected{moved.error()};
    co_return false;
}

aio::awaitable<result<Payment>> Payments::load(const std::string& id) {
    const auto loaded = co_await commands_.reader().load(id);
    if (!loaded) co_return tl::unexpected{loaded.error()};
    if (payment_of(*loaded->state).broken()) co_return fail(errc::unreadable);
    co_return payment_of(*loaded->state).payment();
}

// What is not given back is asked for again, with growing pauses, and after a start.
aio::awaitable<result<void>> Payments::refund(const std::string& id) {
    if (co_await provider_.refund(id, options_.timeout / attempts, errands_.stopping()))
        co_return result<void>{};
    co_return fail(errc::refused, {}, "the payment provider has not given the money back yet");
}

aio::awaitable<result<bool>> Payments::charge(const std::string& id, const Payment& payment) {
    PaymentEvent outcome{.type = PaymentType::failed, .order_id = id};
    const auto answer =
        co_await provider_.charge({.key = id, .amount = payment.amount, .method = payment.method},
                                  options_.timeout / attempts, errands_.stopping());
    switch (answer) {
        case PaymentProvider::Answer::charged:
            outcome.type = PaymentType::completed;
            break;
        case PaymentProvider::Answer::declined:
            outcome.reason = "결제 거절";
            break;
        case PaymentProvider::Answer::silence:
            if (errands_.stopping().raised()) co_return false;
            if (parts_.clock.now() < payment.requested_at + options_.timeout) co_return true;
            // Nobody knows whether it was charged.
            if (const auto refunded = co_await refund(id); !refunded)
                co_return tl::unexpected{refunded.error()};
            outcome.reason = "결제 응답 없음";
            break;
    }
    const auto moved = co_await move(std::move(outcome));
    if (!moved) co_return tl::unexpected{moved.error()};
    co_return true;
}

}  // namespace stepcast::shop

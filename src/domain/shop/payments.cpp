#include "domain/shop/payments.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>
#include <tuple>

#include "aio/backoff.hpp"
#include "flow/cause.hpp"

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
      charging_{options_.circuit},
      refunding_{options_.circuit},
      commands_{parts.core, parts.store, parts.committer, payment_kind(), {}},
      errands_{parts, {.kind = "shop-payment", .all_at_start = true}, [this](std::string id) {
                   return step(std::move(id));
               }} {}

aio::awaitable<void> Payments::stop() {
    co_await errands_.stop();
    co_await commands_.stop();
}

aio::awaitable<result<void>> Payments::on_stock_reserved(StockReservedEvent event, event::Metadata cause) {
    if (event.saga == orchestration) co_return result<void>{};
    co_return co_await request({.order_id = std::move(event.order_id),
                                .user_id = std::move(event.user_id),
                                .total_amount = event.total_amount,
                                .payment_method = std::move(event.payment_method)},
                               std::move(cause));
}

aio::awaitable<result<void>> Payments::on_order_cancelled(OrderCancelledEvent event, event::Metadata cause) {
    if (event.saga == orchestration) co_return result<void>{};
    co_return co_await cancel({.order_id = std::move(event.order_id),
                               .user_id = std::move(event.user_id),
                               .reason = std::move(event.reason)},
                              std::move(cause));
}

// Whoever commands to undo waits for an answer each time, also where nothing is left to undo.
aio::awaitable<result<void>> Payments::on_command(OrderCommand command, event::Metadata cause) {
    if (command.command == StepCommand::charge)
        co_return co_await request(std::move(command), std::move(cause));
    if (command.command != StepCommand::refund) co_return result<void>{};
    const auto id = command.order_id;
    const auto moved = co_await cancel(std::move(command), cause);
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
    flow::lay_on(answer, cause);
    const auto answered = co_await parts_.committer.commit(std::move(answer));
    if (!answered) co_return fail(answered.error().code, {}, answered.error().detail);
    parts_.owed();
    co_return result<void>{};
}

aio::awaitable<result<void>> Payments::request(OrderCommand order, event::Metadata cause) {
    return move({.type = PaymentType::requested,
                 .order_id = std::move(order.order_id),
                 .user_id = std::move(order.user_id),
                 .amount = order.total_amount,
                 .method = std::move(order.payment_method)},
                std::move(cause));
}

aio::awaitable<result<void>> Payments::cancel(OrderCommand order, event::Metadata cause) {
    return move({.type = PaymentType::cancelled,
                 .order_id = std::move(order.order_id),
                 .user_id = std::move(order.user_id),
                 .reason = std::move(order.reason)},
                std::move(cause));
}

// Where the payment cannot go on so, nothing is written: another event came first, or this one came before.
aio::awaitable<result<void>> Payments::move(PaymentEvent event, event::Metadata cause) {
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
                                   },
                                   .cause = std::move(cause)});
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
    if (payment->status != PaymentStatus::cancelling) {
        co_await drop_timer(id);
        co_return false;
    }
    const auto refunded = co_await refund(id, payment->cancelled_at);
    if (!refunded || !*refunded) co_return refunded;
    const auto moved =
        co_await move({.type = PaymentType::refunded, .order_id = id}, co_await last_cause(id));
    if (!moved) co_return tl::unexpected{moved.error()};
    co_return false;
}

// Of a payment that has ended. That is decided in its stream's turn: a cancel may have come since it was
// looked at, and who starts after a crash finds by its timer that money is to be given back.
aio::awaitable<void> Payments::drop_timer(const std::string& id) {
    std::ignore = co_await commands_.handle(
        {.stream_id = id,
         .decide = [this, id](const flow::Aggregate& state, event::Version) -> result<flow::Decision> {
             flow::Decision decision;
             if (!payment_of(state).payment().under_way())
                 decision.beside.fired.push_back(errands_.timer_id(id));
             return decision;
         }});
}

aio::awaitable<result<Payment>> Payments::load(const std::string& id) {
    const auto loaded = co_await commands_.reader().load(id);
    if (!loaded) co_return tl::unexpected{loaded.error()};
    if (payment_of(*loaded->state).broken()) co_return fail(errc::unreadable);
    co_return payment_of(*loaded->state).payment();
}

// What the provider answers is caused by what it was asked for.
aio::awaitable<event::Metadata> Payments::last_cause(const std::string& id) {
    return flow::cause_in(parts_.store, payment_category, id);
}

// Of a question to the provider. Nothing is looked up where nobody collects any.
aio::awaitable<event::OpenSpan> Payments::span_of(const std::string& id, std::string_view step) {
    if (event::span_sink.load(std::memory_order_relaxed) == nullptr) co_return event::OpenSpan{};
    const auto cause = co_await last_cause(id);
    auto span = event::OpenSpan::within(cause.traceparent, event::Span::Kind::client);
    span.call(std::string{step});
    if (span) span.add("stepcast.stream", "payment-" + id);
    co_return span;
}

aio::awaitable<result<bool>> Payments::charge(const std::string& id, const Payment& payment) {
    if (const auto wait = charging_.enter(parts_.clock.now())) co_return co_await put_off(id, *wait);
    auto span = co_await span_of(id, "charge");
    const auto answer =
        co_await provider_.charge({.key = id, .amount = payment.amount, .method = payment.method},
                                  options_.timeout / attempts, errands_.stopping());
    const bool silence = answer == PaymentProvider::Answer::silence;
    if (silence) span.fail();
    span.end();
    leave(charging_, "charge", !silence);
    if (silence) co_return co_await charge_again(id, payment);
    owed_.erase(id);
    PaymentEvent outcome{.type = PaymentType::completed, .order_id = id};
    if (answer == PaymentProvider::Answer::declined) {
        outcome.type = PaymentType::failed;
        outcome.reason = "결제 거절";
    }
    const auto moved = co_await move(std::move(outcome), co_await last_cause(id));
    if (!moved) co_return tl::unexpected{moved.error()};
    co_return false;  // a cancel that came meanwhile asks again
}

// Under the same key, with growing pauses; at the end nobody knows whether it was charged.
aio::awaitable<result<bool>> Payments::charge_again(const std::string& id, const Payment& payment) {
    if (errands_.stopping().raised()) co_return false;
    if (parts_.clock.now() < payment.requested_at + options_.timeout)
        co_return fail(errc::refused, {}, "the payment provider does not answer");
    const auto refunded = co_await refund(id, payment.requested_at + options_.timeout);
    if (!refunded || !*refunded) co_return refunded;
    const auto moved = co_await move(
        {.type = PaymentType::failed, .order_id = id, .reason = "결제 응답 없음"}, co_await last_cause(id));
    if (!moved) co_return tl::unexpected{moved.error()};
    co_return false;
}

// What is not given back is asked for again, with growing pauses, and after a start.
aio::awaitable<result<bool>> Payments::refund(const std::string& id, Timestamp since) {
    owed_.try_emplace(id, since);
    if (const auto wait = refunding_.enter(parts_.clock.now())) co_return co_await put_off(id, *wait);
    auto span = co_await span_of(id, "refund");
    const bool done = co_await provider_.refund(id, options_.timeout / attempts, errands_.stopping());
    if (!done) span.fail();
    span.end();
    leave(refunding_, "refund", done);
    if (done) {
        owed_.erase(id);
        co_return true;
    }
    co_return fail(errc::refused, {}, "the payment provider has not given the money back yet");
}

// Its message was done when it was taken: no partition waits. They do not all come back at once.
aio::awaitable<result<bool>> Payments::put_off(const std::string& id, Duration wait) {
    const auto more = std::chrono::duration_cast<Duration>(aio::Backoff{wait, wait}.next() / 2);
    store::Commit later;
    later.timers.push_back(errands_.timer(id, parts_.clock.now() + wait + more));
    const auto written = co_await parts_.committer.commit(std::move(later));
    if (!written) co_return fail(written.error().code, {}, written.error().detail);
    co_return false;
}

// Who stops has not heard the answer: that says nothing of the provider.
void Payments::leave(flow::Circuit& circuit, std::string_view step, bool answered) {
    if (circuit.leave(answered || errands_.stopping().raised(), parts_.clock.now()))
        spdlog::error("the payment provider does not answer: no {} is asked of it for {}", step,
                      format_duration(options_.circuit.open_for));
}

void Payments::read_metrics(MetricSink& sink) const {
    sink.gauge("stepcast_shop_payments_under_way", "Payments that the provider is being asked for",
               static_cast<double>(errands_.under_way()));
    const auto now = parts_.clock.now();
    const auto overdue = std::ranges::count_if(
        owed_, [&](const auto& owed) { return now - owed.second >= options_.refund_patience; });
    sink.gauge("stepcast_shop_refunds_overdue",
               "Refunds that the payment provider has not made for longer than shop.compensation_timeout",
               static_cast<double>(overdue));
    for (const auto& [step, circuit] : circuits()) {
        sink.gauge("stepcast_circuit_state", "Calls to a dependency: 0 made, 1 one is tried, 2 none is made",
                   static_cast<double>(circuit->state(now)), {{"step", step}});
        sink.counter("stepcast_circuit_opened_total", "How often a dependency was given a rest",
                     static_cast<double>(circuit->opened()), {{"step", step}});
        sink.counter("stepcast_circuit_put_off_total",
                     "Calls that were put off, because the circuit was open or too many were under way",
                     static_cast<double>(circuit->put_off()), {{"step", step}});
    }
}

}  // namespace stepcast::shop

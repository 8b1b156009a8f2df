#include "domain/shop/orchestrator.hpp"

#include <fmt/format.h>

namespace stepcast::shop {
namespace {

using aio::awaitable;
using flow::SagaAnswer;
using flow::SagaMove;
using flow::SagaStatus;

constexpr Duration shipment_slack = std::chrono::seconds{30};

const Fulfilment& fulfilment_of(const flow::Aggregate& state) {
    return static_cast<const FulfilmentAggregate&>(state).fulfilment();
}

}  // namespace

OrderSagaOrchestrator::OrderSagaOrchestrator(const domain::Parts& parts, Orders& orders, Options options)
    : parts_{parts},
      orders_{orders},
      options_{std::move(options)},
      steps_{{{step_name::payment, options_.step_timeout, options_.compensation_timeout},
              {step_name::stock, options_.step_timeout, options_.compensation_timeout},
              {.name = step_name::shipment, .look_after = options_.ship_after + shipment_slack}}},
      sagas_{parts.core,
             parts.clock,
             parts.store,
             parts.committer,
             *this,
             fulfilment_kind(),
             {.look_every = options_.look_every},
             parts.owed} {}

awaitable<result<void>> OrderSagaOrchestrator::on_order_event(OrderNote note, event::Metadata cause) {
    switch (note.type) {
        case OrderEventType::created:
            co_return co_await begin(std::move(note.id), std::move(cause));
        case OrderEventType::cancelled:
            co_return co_await turn_back(std::move(note.id), std::move(cause));
        case OrderEventType::shipped:
            co_return co_await answer(std::move(note.id), shipment, false, std::move(cause));
        case OrderEventType::stock_reserved:
        case OrderEventType::paid:
        case OrderEventType::confirmed:
            break;
    }
    co_return result<void>{};
}

awaitable<result<void>> OrderSagaOrchestrator::on_stock_reserved(StockReservedEvent event,
                                                                 event::Metadata cause) {
    return answer(std::move(event.order_id), stock, false, std::move(cause));
}

awaitable<result<void>> OrderSagaOrchestrator::on_stock_reservation_failed(StockReservationFailedEvent event,
                                                                           event::Metadata cause) {
    return answer(std::move(event.order_id), stock, false, std::move(cause),
                  fail(errc::refused, {}, std::move(event.reason)));
}

awaitable<result<void>> OrderSagaOrchestrator::on_payment_completed(PaymentCompletedEvent event,
                                                                    event::Metadata cause) {
    return answer(std::move(event.order_id), payment, false, std::move(cause));
}

awaitable<result<void>> OrderSagaOrchestrator::on_payment_failed(PaymentFailedEvent event,
                                                                 event::Metadata cause) {
    return answer(std::move(event.order_id), payment, false, std::move(cause),
                  fail(errc::refused, {}, std::move(event.reason)));
}

awaitable<result<void>> OrderSagaOrchestrator::on_compensation_completed(CompensationCompletedEvent event,
                                                                         event::Metadata cause) {
    return answer(std::move(event.order_id), event.step == step_name::stock ? stock : payment, true,
                  std::move(cause));
}

// Of an order that is cancelled by then nothing is begun. One that is cancelled meanwhile may have been told
// of before there was a saga to turn back: so the order is looked at again.
awaitable<result<void>> OrderSagaOrchestrator::begin(std::string id, event::Metadata cause) {
    const auto view = co_await orders_.view(id);
    if (!view && view.error().code == errc::unknown_order) co_return result<void>{};
    if (!view) co_return tl::unexpected{view.error()};
    const auto& order = view->order;
    if (!order.orchestrated || order.status == OrderStatus::cancelled) co_return result<void>{};
    const FulfilmentEvent event{.at = parts_.clock.now(),
                                .order_id = id,
                                .user_id = order.customer,
                                .items = order.items,
                                .total_amount = order.amounts.total,
                                .payment_method = order.payment_method};
    const auto receipt = co_await sagas_.begin(
        {.stream_id = id,
         .event_id = id + ":1",
         .decide =
             [this, id, event](const flow::Aggregate& state, event::Version version) {
                 return result<flow::Decision>{decision(id, fulfilment_of(state), event, version)};
             },
         .cause = cause});
    if (!receipt) co_return tl::unexpected{receipt.error()};
    const auto now = co_await orders_.view(id);
    if (!now) co_return tl::unexpected{now.error()};
    if (now->order.status == OrderStatus::cancelled)
        co_return co_await turn_back(std::move(id), std::move(cause));
    co_return result<void>{};
}

awaitable<result<void>> OrderSagaOrchestrator::turn_back(std::string id, event::Metadata cause) {
    auto turned = co_await sagas_.turn_back(std::move(id), "주문 취소", std::move(cause));
    if (!turned && turned.error().code == flow::saga_errc::unknown_saga) co_return result<void>{};
    co_return turned;
}

// Of an order that is not orchestrated there is no saga.
awaitable<result<void>> OrderSagaOrchestrator::answer(std::string id, Step step, bool undoing,
                                                      event::Metadata cause, result<void> outcome) {
    auto answered =
        co_await sagas_.answer(std::move(id), step, undoing, std::move(outcome), std::move(cause));
    if (!answered && answered.error().code == flow::saga_errc::unknown_saga) co_return result<void>{};
    co_return answered;
}

const flow::SagaState* OrderSagaOrchestrator::saga(const flow::Aggregate& state) const {
    return static_cast<const FulfilmentAggregate&>(state).broken() ? nullptr : &fulfilment_of(state).saga;
}

std::string OrderSagaOrchestrator::owner(const flow::Aggregate& state) const {
    return fulfilment_of(state).order.user_id;
}

std::string OrderSagaOrchestrator::reason(const flow::Aggregate& state) const {
    return fulfilment_of(state).reason;
}

bool OrderSagaOrchestrator::is_refusal(const Error& error) const {
    return error.code == errc::cancelled || error.code == errc::already_shipped;
}

awaitable<result<SagaAnswer>> OrderSagaOrchestrator::act(const flow::SagaTurn& turn) {
    if (turn.step == shipment) co_return co_await ship(turn);
    if (turn.step == stock) {
        const auto told = co_await orders_.hear(turn.id, OrderNews::charged, {}, turn.cause);
        if (!told) co_return tl::unexpected{told.error()};
    }
    co_return SagaAnswer::later;
}

// The order is confirmed, and leaves when its time has come.
awaitable<result<SagaAnswer>> OrderSagaOrchestrator::ship(const flow::SagaTurn& turn) {
    const auto told = co_await orders_.hear(turn.id, OrderNews::fulfilled, {}, turn.cause);
    if (!told) co_return tl::unexpected{told.error()};
    const auto now = co_await orders_.view(turn.id);
    if (!now) co_return tl::unexpected{now.error()};
    if (now->order.status == OrderStatus::cancelled) co_return fail(errc::cancelled);
    co_return now->order.status == OrderStatus::shipped ? SagaAnswer::done : SagaAnswer::later;
}

// The customer is told before everything is undone.
awaitable<result<SagaAnswer>> OrderSagaOrchestrator::undo(const flow::SagaTurn& turn) {
    const auto& state = fulfilment_of(turn.state);
    const auto told =
        co_await orders_.hear(turn.id, turn.step == shipment ? OrderNews::cancelled : OrderNews::overdue,
                              state.saga.doubted ? "시간 초과" : state.reason, turn.cause);
    if (!told) co_return tl::unexpected{told.error()};
    co_return turn.step == shipment ? SagaAnswer::done : SagaAnswer::later;
}

flow::Decision OrderSagaOrchestrator::tell(const std::string& id, const flow::Aggregate& state,
                                           event::Version version, const Told& told) const {
    return decision(id, fulfilment_of(state),
                    {.move = told.move,
                     .at = parts_.clock.now(),
                     .order_id = id,
                     .step = static_cast<std::int64_t>(told.step),
                     .reason = told.reason},
                    version);
}

flow::Decision OrderSagaOrchestrator::decision(const std::string& id, const Fulfilment& before,
                                               FulfilmentEvent event, event::Version version) const {
    event.at = std::max(event.at, before.updated_at);
    Fulfilment after = before;
    evolve(after, event);
    flow::Decision decision;
    decision.events.push_back(make_draft(event, fmt::format("{}:{}", id, version + 1), after.order.user_id));
    if (after.saga.under_way()) command(decision.beside, after);
    return decision;
}

void OrderSagaOrchestrator::command(store::Commit& beside, const Fulfilment& after) const {
    const bool forward = after.saga.status == SagaStatus::running;
    auto command = after.order;
    command.timestamp = after.updated_at;
    if (!forward) command.reason = after.reason;
    if (after.saga.step == payment) {
        command.command = forward ? StepCommand::charge : StepCommand::refund;
        beside.outbox.push_back(command_message(options_.prefix, topic::payment_commands, command));
    }
    if (after.saga.step == stock) {
        command.command = forward ? StepCommand::reserve : StepCommand::release;
        beside.outbox.push_back(command_message(options_.prefix, topic::stock_commands, command));
    }
}

}  // namespace stepcast::shop

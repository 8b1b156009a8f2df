#include "domain/shop/products.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "flow/cause.hpp"

namespace stepcast::shop {
namespace {

using StockType = StockEventType;

constexpr std::chrono::seconds shown_within{5};

const StockAggregate& stock_of(const flow::Aggregate& state) {
    return static_cast<const StockAggregate&>(state);
}

}  // namespace

Products::Products(const domain::Parts& parts, std::string prefix)
    : parts_{parts},
      prefix_{std::move(prefix)},
      commands_{parts.core, parts.store, parts.committer, stock_kind(), {}} {}

aio::awaitable<result<domain::Written>> Products::put(StockEvent product, event::Metadata cause) {
    return aio::run_on(parts_.core, [this, product = std::move(product), cause = std::move(cause)] {
        return write(product, cause);
    });
}

aio::awaitable<result<domain::Written>> Products::write(StockEvent product, event::Metadata cause) {
    if (!parts_.hub.live()) co_return fail(errc::rebuilding);
    product.at = parts_.clock.now();
    const auto shown = std::make_shared<std::string>();  // the question may outlive this call
    const auto receipt = co_await commands_.handle(
        {.stream_id = std::string{stock_stream},
         .decide = [this, product, shown](const flow::Aggregate& state,
                                          event::Version) -> result<flow::Decision> {
             if (stock_of(state).broken()) return fail(errc::unreadable);
             if (auto checked = check_set(stock_of(state).stock(), product); !checked)
                 return tl::unexpected{checked.error()};
             Stock after;  // of it alone: what orders hold may be much
             if (const auto* before = stock_of(state).stock().find(product.product_id))
                 after.products.emplace(product.product_id, *before);
             evolve(after, product);
             *shown = encode_product(product.product_id, *after.find(product.product_id));
             return decision(product, random_uuid(), {});
         },
         .cause = std::move(cause)});
    if (!receipt) co_return tl::unexpected{receipt.error()};
    parts_.owed();
    co_await parts_.hub.wait_applied(receipt->position, shown_within);
    co_return domain::Written{{.body = *shown}, receipt->position};
}

aio::awaitable<void> Products::put_first() {
    const auto first = [](const Stock& stock) {
        std::optional<StockEvent> event;
        if (stock.products.empty())
            event = {.product_id = 1, .name = "노트북", .price = 1'200'000, .stock = 100};
        return event;
    };
    const auto put = co_await once("first", first, {});
    if (!put) spdlog::warn("the shop begins without a product: {}", put.error().text());
}

// What is decided under an id is decided once, however often it is asked.
aio::awaitable<result<store::Receipt>> Products::once(std::string event_id, Decide decide,
                                                      event::Metadata cause, OrderCreatedEvent order) {
    auto receipt = co_await commands_.handle(
        {.stream_id = std::string{stock_stream},
         .event_id = event_id,
         .decide = [this, event_id, decide, order](const flow::Aggregate& state,
                                                   event::Version) -> result<flow::Decision> {
             if (stock_of(state).broken()) return fail(errc::unreadable);
             auto event = decide(stock_of(state).stock());
             if (!event) return flow::Decision{};
             event->at = parts_.clock.now();
             return decision(std::move(*event), event_id, order);
         },
         .cause = std::move(cause)});
    if (receipt) parts_.owed();
    co_return receipt;
}

result<flow::Decision> Products::decision(StockEvent event, std::string_view event_id,
                                          const OrderCreatedEvent& order) const {
    flow::Decision decision;
    if (event.type == StockType::reserved)
        decision.beside.outbox.push_back(message_of(prefix_, topic::stock_reserved,
                                                    StockReservedEvent{.order_id = order.order_id,
                                                                       .user_id = order.user_id,
                                                                       .items = order.items,
                                                                       .total_amount = order.total_amount,
                                                                       .payment_method = order.payment_method,
                                                                       .saga = order.saga,
                                                                       .timestamp = event.at}));
    if (event.type == StockType::refused)
        decision.beside.outbox.push_back(
            message_of(prefix_, topic::stock_reservation_failed,
                       StockReservationFailedEvent{
                           {order.order_id, order.user_id, event.reason, order.saga, event.at}}));
    if (event.type == StockType::set)
        decision.beside.outbox.push_back(
            {.id = fmt::format("{} {}", topic::product_events, event_id),
             .topic = std::string{prefix_}.append(topic::product_events),
             .key = fmt::to_string(event.product_id),
             .value =
                 to_json(ProductSetEvent{event.product_id, event.name, event.price, event.stock, event.at})});
    decision.events.push_back(make_draft(event, event_id));
    return decision;
}

aio::awaitable<result<void>> Products::on_order_created(OrderCreatedEvent order, event::Metadata cause) {
    if (order.saga == orchestration) co_return result<void>{};
    co_return co_await take(std::move(order), std::move(cause));
}

aio::awaitable<result<void>> Products::on_command(OrderCommand command, event::Metadata cause) {
    if (command.command == StepCommand::reserve)
        co_return co_await take({.order_id = std::move(command.order_id),
                                 .user_id = std::move(command.user_id),
                                 .items = std::move(command.items),
                                 .total_amount = command.total_amount,
                                 .payment_method = std::move(command.payment_method),
                                 .saga = std::string{orchestration}},
                                std::move(cause));
    if (command.command != StepCommand::release) co_return result<void>{};
    const auto released = co_await release(command.order_id, cause);
    if (!released) co_return released;
    store::Commit answer;  // each time: who commands waits for it
    answer.outbox.push_back(
        compensation_message(prefix_, {command.order_id, std::string{step_name::stock}, parts_.clock.now()}));
    flow::lay_on(answer, cause);
    const auto answered = co_await parts_.committer.commit(std::move(answer));
    if (!answered) co_return fail(answered.error().code, {}, answered.error().detail);
    parts_.owed();
    co_return result<void>{};
}

aio::awaitable<result<void>> Products::take(OrderCreatedEvent order, event::Metadata cause) {
    const auto decide = [id = order.order_id, items = merged(order.items)](const Stock& stock) {
        return std::optional{reserve(stock, id, items)};
    };
    std::string event_id = order.order_id + ":stock";
    const auto receipt = co_await once(std::move(event_id), decide, std::move(cause), std::move(order));
    if (!receipt) co_return tl::unexpected{receipt.error()};
    co_return result<void>{};
}

aio::awaitable<result<void>> Products::on_order_cancelled(OrderCancelledEvent event, event::Metadata cause) {
    if (event.saga == orchestration) co_return result<void>{};
    co_return co_await release(std::move(event.order_id), std::move(cause));
}

aio::awaitable<result<void>> Products::on_payment_failed(PaymentFailedEvent event, event::Metadata cause) {
    return release(std::move(event.order_id), std::move(cause));
}

// A cancel that comes before its order takes the id under which that would be reserved.
aio::awaitable<result<void>> Products::release(std::string order_id, event::Metadata cause) {
    const auto bar = [order_id](const Stock&) {
        return std::optional{StockEvent{.type = StockType::barred, .order_id = order_id}};
    };
    const auto barred = co_await once(order_id + ":stock", bar, cause);
    if (!barred) co_return tl::unexpected{barred.error()};
    if (!barred->deduplicated) co_return result<void>{};
    const auto let = [order_id](const Stock& stock) { return let_go(stock, order_id, StockType::released); };
    const auto released = co_await once(order_id + ":released", let, std::move(cause));
    if (!released) co_return tl::unexpected{released.error()};
    co_return result<void>{};
}

aio::awaitable<result<void>> Products::on_shipped(std::string order_id, event::Metadata cause) {
    const auto ship = [order_id](const Stock& stock) { return let_go(stock, order_id, StockType::shipped); };
    const auto shipped = co_await once(order_id + ":shipped", ship, std::move(cause));
    if (!shipped) co_return tl::unexpected{shipped.error()};
    co_return result<void>{};
}

}  // namespace stepcast::shop

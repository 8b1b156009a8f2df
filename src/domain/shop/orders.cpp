#include "domain/shop/orders.hpp"

#include <fmt/format.h>

#include "aio/spawn.hpp"
#include "domain/task_progress.hpp"
#include "flow/cause.hpp"
#include "flow/version_at.hpp"

namespace stepcast::shop {
namespace {

using Type = OrderEventType;

const OrderAggregate& order_of(const flow::Aggregate& state) {
    return static_cast<const OrderAggregate&>(state);
}

/// How an order's event is told as a step of its task, which ends when the order is confirmed.
std::optional<domain::TaskStep> task_step(const std::string& id, const std::string& event_id,
                                          const Order& before, const Order& after, const OrderEvent& event) {
    using TaskKind = domain::TaskStep::Kind;
    domain::TaskStep step{
        .event_id = event_id, .task_id = id, .user_id = after.customer, .step_name = {}, .steps = 3};
    switch (event.type) {
        case Type::created:
            step.kind = TaskKind::started;
            step.step_name = "주문 접수";
            return step;
        case Type::stock_reserved:
            step.step_name = "재고 예약";
            step.step = before.status == OrderStatus::paid ? 2 : 1;
            return step;
        case Type::paid:
            step.step_name = "결제 완료";
            step.step = before.status == OrderStatus::pending && after.orchestrated ? 1 : 2;
            return step;
        case Type::confirmed:
            step.kind = TaskKind::completed;
            step.step_name = "주문 확정";
            step.step = 3;
            return step;
        case Type::cancelled:
            if (before.status == OrderStatus::confirmed) return std::nullopt;
            step.kind = TaskKind::failed;
            step.step_name = "주문 취소";
            step.step = before.status == OrderStatus::pending ? 0 : 1;
            step.reason = event.reason;
            return step;
        case Type::shipped:
            break;
    }
    return std::nullopt;
}

std::string saga_of(const Order& order) {
    return std::string{order.orchestrated ? orchestration : ""};
}

// Times never fall within an order.
result<Timestamp> time_of(const event::Event& stored) {
    const auto read = decode_order(stored);
    if (!read) return tl::unexpected{read.error()};
    return read->at;
}

std::string value_on_topic(const event::Event& draft) {
    return fmt::format("{{\"version\":{},{}", draft.schema_version(), draft.body());
}

}  // namespace

Orders::Orders(const domain::Parts& parts, const Catalogue& catalogue, Options options)
    : parts_{parts},
      catalogue_{catalogue},
      options_{std::move(options)},
      commands_{parts.core, parts.store, parts.committer, order_kind(), {}},
      errands_{parts, {.kind = "shop-order"}, [this](std::string id) { return step(std::move(id)); }} {}

aio::awaitable<void> Orders::stop() {
    co_await errands_.stop();
    co_await commands_.stop();
}

aio::awaitable<result<domain::Written>> Orders::place(Wish wish) {
    return aio::run_on(parts_.core, [this, wish = std::move(wish)] { return write_first(wish); });
}

result<OrderEvent> Orders::priced(const Wish& wish) const {
    if (!parts_.hub.live() || !catalogue_.whole()) return fail(errc::rebuilding);
    if (parts_.committer.paused() == flow::Committer::Pause::store_unavailable)
        return fail(store::errc::unavailable);
    OrderEvent event{.at = parts_.clock.now(),
                     .customer = wish.user,
                     .items = merged(wish.items),
                     .address = wish.address,
                     .payment_method = wish.payment_method,
                     .orchestrated = options_.orchestrated};
    for (auto& item : event.items) {
        const auto* product = catalogue_.stock().find(item.product_id);
        if (product == nullptr)
            return fail(errc::unknown_product, {}, fmt::format("there is no product {}", item.product_id));
        item.price = product->price;
        std::int64_t cost = 0;
        if (__builtin_mul_overflow(item.price, item.quantity, &cost) ||
            cost > max_amount - event.amounts.subtotal)
            return fail(errc::invalid_field, "orderItems", "come to too much");
        event.amounts.subtotal += cost;
    }
    event.amounts.total = event.amounts.subtotal;
    return event;
}

aio::awaitable<result<domain::Written>> Orders::write_first(Wish wish) {
    const auto event = priced(wish);
    if (!event) co_return tl::unexpected{event.error()};
    const auto receipt = co_await commands_.handle(
        {.stream_id = wish.id,
         .event_id = wish.id + ":1",
         .fingerprint = fingerprint_of(*event),
         .decide = [this, id = wish.id, event = *event, also = std::move(wish.also)](
                       const flow::Aggregate& state, event::Version version) -> result<flow::Decision> {
             auto decided = decision(id, order_of(state).order(), {event}, version);
             if (also) decided.beside.appends.push_back(*also);
             return decided;
         },
         .cause = std::move(wish.cause)});
    if (!receipt) co_return tl::unexpected{receipt.error()};
    parts_.owed();
    domain::Answer answer{
        .status = 202, .body = {}, .location = "/api/orders/" + domain::path_segment(wish.id)};
    domain::Object{answer.body}
        .text("orderId", wish.id)
        .text("status", "PENDING")
        .text("taskId", wish.id)
        .end();
    co_return domain::Written{std::move(answer), receipt->position, receipt->deduplicated};
}

aio::awaitable<result<domain::Written>> Orders::cancel(std::string id, std::string caller,
                                                       event::Metadata cause) {
    return aio::run_on(parts_.core, [this, id = std::move(id), caller = std::move(caller),
                                     cause = std::move(cause)] { return write_cancel(id, caller, cause); });
}

aio::awaitable<result<domain::Written>> Orders::write_cancel(std::string id, std::string caller,
                                                             event::Metadata cause) {
    if (!parts_.hub.live()) co_return fail(errc::rebuilding);
    const auto receipt =
        co_await tell(id, {OrderNews::cancelled, "고객 취소", std::move(caller), std::move(cause)});
    if (!receipt) co_return tl::unexpected{receipt.error()};
    domain::Answer answer{.status = 202, .body = {}, .location = "/api/orders/" + domain::path_segment(id)};
    domain::Object{answer.body}.text("orderId", id).text("status", "CANCELLED").text("taskId", id).end();
    const auto position = receipt->position == 0 ? parts_.store.head() : receipt->position;
    co_return domain::Written{std::move(answer), position};
}

aio::awaitable<result<Orders::View>> Orders::view(std::string id, http::Past past) {
    return aio::run_on(parts_.core, [this, id = std::move(id), past] { return load(id, past); });
}

aio::awaitable<result<Orders::View>> Orders::load(std::string id, http::Past past) {
    if (!parts_.hub.live()) co_return fail(errc::rebuilding);
    if (past.at) {
        const auto found = co_await flow::version_at(parts_.store, order_category, id, *past.at, time_of);
        if (!found) co_return tl::unexpected{found.error()};
        if (!*found) co_return fail(errc::unknown_order);
        if (**found == 0) co_return fail(errc::unknown_version, {}, "the order is younger");
        past.version = **found;
    }
    const auto loaded = co_await commands_.reader().load(id, past.version.value_or(UINT64_MAX));
    if (!loaded) co_return tl::unexpected{loaded.error()};
    const auto& state = order_of(*loaded->state);
    if (state.broken()) co_return fail(errc::unreadable);
    if (loaded->version == 0) co_return fail(errc::unknown_order);
    if (past.version && loaded->version != *past.version) co_return fail(errc::unknown_version);
    co_return View{state.order(), loaded->version};
}

aio::awaitable<result<store::Page>> Orders::events(std::string id, event::Version from, event::Version to,
                                                   std::size_t limit) {
    return aio::run_on(parts_.core, [this, id = std::move(id), from, to, limit] {
        return parts_.store.read_stream(order_category, id, {store::Range::By::version, from, to, limit});
    });
}

aio::awaitable<result<void>> Orders::on_stock_reserved(StockReservedEvent event, event::Metadata cause) {
    return hear(std::move(event.order_id), OrderNews::stock_reserved, {}, std::move(cause));
}

aio::awaitable<result<void>> Orders::on_stock_reservation_failed(StockReservationFailedEvent event,
                                                                 event::Metadata cause) {
    return hear(std::move(event.order_id), OrderNews::failed, std::move(event.reason), std::move(cause));
}

aio::awaitable<result<void>> Orders::on_payment_completed(PaymentCompletedEvent event,
                                                          event::Metadata cause) {
    return hear(std::move(event.order_id), OrderNews::paid, {}, std::move(cause));
}

aio::awaitable<result<void>> Orders::on_payment_failed(PaymentFailedEvent event, event::Metadata cause) {
    return hear(std::move(event.order_id), OrderNews::failed, std::move(event.reason), std::move(cause));
}

aio::awaitable<result<void>> Orders::hear(std::string id, OrderNews news, std::string reason,
                                          event::Metadata cause) {
    const auto told = co_await tell(std::move(id), {news, std::move(reason), {}, std::move(cause)});
    if (!told && told.error().code != errc::unknown_order) co_return tl::unexpected{told.error()};
    co_return result<void>{};
}

aio::awaitable<result<store::Receipt>> Orders::tell(std::string id, News news) {
    const auto receipt = co_await commands_.handle(
        {.stream_id = id,
         .decide = [this, id, news](const flow::Aggregate& state,
                                    event::Version version) -> result<flow::Decision> {
             if (order_of(state).broken()) return fail(errc::unreadable);
             const auto& order = order_of(state).order();
             if (order.status == OrderStatus::unknown) return fail(errc::unknown_order);
             if (!news.caller.empty() && news.caller != order.customer) return fail(errc::not_owner);
             auto events = follow(order, news.news, news.reason, parts_.clock.now());
             if (!events) return tl::unexpected{events.error()};
             return decision(id, order, std::move(*events), version);
         },
         .cause = news.cause});
    if (receipt) parts_.owed();
    co_return receipt;
}

// An order whose time has come: not paid, or to be shipped. Its timer is set anew, or goes.
aio::awaitable<result<bool>> Orders::step(std::string id) {
    const auto loaded = co_await load(id);
    if (!loaded) co_return tl::unexpected{loaded.error()};
    const auto due = due_of(loaded->order);
    const bool early = !due || parts_.clock.now() < *due;
    const bool paid = loaded->order.status == OrderStatus::confirmed;
    const auto told = co_await tell(id, {early  ? OrderNews::nothing
                                         : paid ? OrderNews::ship
                                                : OrderNews::overdue,
                                         "시간 초과",
                                         {},
                                         co_await flow::cause_in(parts_.store, order_category, id)});
    if (!told) co_return tl::unexpected{told.error()};
    co_return false;
}

// Of an orchestrated order the saga watches each step, once it has begun; its begin is a message, which may
// be lost.
std::optional<Timestamp> Orders::due_of(const Order& order) const {
    if (order.status == OrderStatus::confirmed) return order.updated_at + options_.ship_after;
    if (order.orchestrated && order.status == OrderStatus::pending)
        return order.created_at + 2 * options_.step_timeout;
    if (!order.orchestrated && is_open(order)) return order.created_at + options_.step_timeout;
    return std::nullopt;
}

flow::Decision Orders::decision(const std::string& id, const Order& before, std::vector<OrderEvent> events,
                                event::Version version) const {
    flow::Decision decision;
    Order from = before;
    for (const auto& event : events) {
        Order after = from;
        evolve(after, event);
        const auto event_id = fmt::format("{}:{}", id, ++version);
        decision.events.push_back(make_draft(event, id, event_id, after.customer, id));
        decision.beside.outbox.push_back({.id = fmt::format("{} {}", topic::order_events, event_id),
                                          .topic = std::string{options_.prefix}.append(topic::order_events),
                                          .key = id,
                                          .value = value_on_topic(*decision.events.back())});
        owe(decision.beside, id, event_id, from, after, event);
        ++decided_[static_cast<std::size_t>(event.type)];
        from = std::move(after);
    }
    set_timer(decision.beside, id, from);
    return decision;
}

void Orders::owe(store::Commit& beside, const std::string& id, const std::string& event_id,
                 const Order& before, const Order& after, const OrderEvent& event) const {
    if (event.type == Type::created)
        beside.outbox.push_back(message_of(options_.prefix, topic::order_created,
                                           OrderCreatedEvent{.order_id = id,
                                                             .user_id = after.customer,
                                                             .items = after.items,
                                                             .total_amount = after.amounts.total,
                                                             .shipping_address = after.address,
                                                             .payment_method = after.payment_method,
                                                             .saga = saga_of(after),
                                                             .timestamp = event.at}));
    if (event.type == Type::cancelled)
        beside.outbox.push_back(
            message_of(options_.prefix, topic::order_cancelled,
                       OrderCancelledEvent{id, after.customer, event.reason, saga_of(after), event.at}));
    if (auto step = task_step(id, event_id, before, after, event))
        beside.outbox.push_back(domain::progress_message(options_.prefix + "progress-events", *step));
}

void Orders::set_timer(store::Commit& beside, const std::string& id, const Order& after) const {
    if (const auto due = due_of(after))
        beside.timers.push_back(errands_.timer(id, *due));
    else
        beside.fired.push_back(errands_.timer_id(id));
}

void Orders::read_metrics(MetricSink& sink) const {
    for (std::size_t type = 0; type < decided_.size(); ++type)
        sink.counter("stepcast_shop_order_events_total", "Events of orders, as decided here",
                     static_cast<double>(decided_[type]), {{"type", order_type_names[type]}});
}

}  // namespace stepcast::shop

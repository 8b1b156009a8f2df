#include "domain/progress/orders.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <algorithm>
#include <array>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "domain/progress/codec.hpp"
#include "event/json.hpp"

namespace stepcast::progress {
namespace {

using namespace std::chrono_literals;

constexpr int last_step = 4;
constexpr int stock_step = 2;
constexpr std::array<std::string_view, 5> step_names{"주문 접수", "주문 검증", "재고 확인", "결제 처리",
                                                     "주문 완료"};

bool fails_at(const Order& order, int step, std::int64_t stock) {
    return step == stock_step && order.quantity > stock;
}

constexpr std::string_view timer_kind = "order";

std::string kept_as(const Order& order) {
    return "order-" + order.task_id;
}

ProgressEvent event_of(const Order& order, int step, std::int64_t stock) {
    ProgressEvent event;
    event.event_id = fmt::format("{}:{}", order.task_id, step);
    event.task_id = order.task_id;
    event.user_id = order.user_id;
    event.step_name = step_names[static_cast<std::size_t>(step)];
    event.steps_sent = true;
    event.current_step = step;
    event.total_steps = last_step;
    event.percentage = 25 * step;
    event.type = step == 0           ? EventType::started
                 : step == last_step ? EventType::completed
                                     : EventType::progress;
    if (fails_at(order, step, stock)) {
        event.type = EventType::failed;
        event.percentage = 25 * (step - 1);
        event.detail = "{\"reason\":";
        event::append_json_string(event.detail,
                                  fmt::format("재고 부족: 주문 {}개, 재고 {}개", order.quantity, stock));
        event.detail += '}';
    }
    return event;
}

}  // namespace

OrderConsumer::OrderConsumer(asio::io_context& io, ProgressEventService& service, flow::Committer& committer,
                             bus::MessageBus& bus, flow::DeadLetters& dead_letters, Options options)
    : service_{service},
      committer_{committer},
      options_{std::move(options)},
      inbox_{options_.group, options_.inbox_keep, service.store(), service.clock()},
      consumer_{io, bus, dead_letters, "order consumer", flow::Consumer::Order::of_key},
      room_{consumer_.strand()} {}

void OrderConsumer::start() {
    // Taken in small batches: what is handed out counts against max_in_flight only once it is looked at.
    consumer_.start(
        bus::GroupSubscription{.topic = options_.orders_topic, .group = options_.group, .max_batch = 256},
        *this);
}

awaitable<void> OrderConsumer::stop() {
    return aio::run_on(consumer_.strand(), [this]() -> awaitable<void> {
        room_.notify();
        return consumer_.stop();
    });
}

awaitable<void> OrderConsumer::begin() {
    // Before the state is rebuilt nobody can tell after which step an order goes on.
    while (!service_.live())
        if (!co_await consumer_.pause(50ms)) co_return;
    if (options_.keep_in_store) co_await go_on_with_kept();
}

store::Timer OrderConsumer::timer_of(const Order& order) const {
    const auto due = service_.clock().now() + (last_step + 1) * options_.step_delay + 1h;
    return {kept_as(order), due, std::string{timer_kind}, encode_order(order)};
}

awaitable<void> OrderConsumer::go_on_with_kept() {
    co_await take_over_outbox();
    std::vector<store::Timer> kept;
    const auto read = [&]() -> awaitable<result<void>> {
        auto all = co_await service_.store().due(Timestamp::max(), SIZE_MAX);
        if (!all) co_return tl::unexpected{all.error()};
        kept = std::move(*all);
        co_return result<void>{};
    };
    if (!co_await consumer_.until_readable([&] { return aio::run_on(service_.core(), read); })) co_return;
    std::erase_if(kept, [](const store::Timer& timer) { return timer.kind != timer_kind; });
    std::size_t found = 0;
    for (const auto& timer : kept) {
        auto order = decode_order(timer.payload);
        if (!order) {
            spdlog::error("{} is kept and cannot be read: {}", timer.id, order.error().text());
            continue;
        }
        while (full() && !consumer_.stopping()) co_await room_.wait(1s);
        if (consumer_.stopping()) co_return;
        work_off_beside({std::move(*order), {}});
        ++found;
    }
    if (found != 0) spdlog::info("{} orders from before the start go on", found);
}

// Orders of older journals stand in the outbox, where a relay would publish them again.
awaitable<void> OrderConsumer::take_over_outbox() {
    constexpr std::size_t page_size = 256;
    std::uint64_t after = 0;
    std::vector<store::PendingRef> page;
    const auto read = [&]() -> awaitable<result<void>> {
        auto next = co_await service_.store().outbox(after, page_size);
        if (!next) co_return tl::unexpected{next.error()};
        page = std::move(*next);
        co_return result<void>{};
    };
    while (co_await consumer_.until_readable([&] { return aio::run_on(service_.core(), read); })) {
        if (page.empty()) co_return;
        store::Commit over;
        for (const auto& pending : page) {
            const auto& message = pending->message;
            after = pending->number;
            if (message.topic != options_.orders_topic) continue;
            if (const auto order = decode_order(message.value)) {
                over.timers.push_back(timer_of(*order));
                over.sent.push_back(message.id);
            } else {
                spdlog::error("order {} is kept and cannot be read: {}", message.key, order.error().text());
            }
        }
        if (!over.timers.empty() && !co_await committer_.commit(std::move(over))) co_return;
    }
}

awaitable<std::vector<flow::Consumer::Failure>> OrderConsumer::take(std::span<const bus::Record> records) {
    std::vector<flow::Consumer::Failure> failures;
    std::vector<Taken> taken;
    for (const auto& record : records) {
        while (in_flight_ + taken.size() >= options_.max_in_flight && !consumer_.stopping()) {
            co_await keep_and_begin(taken);
            if (full()) co_await room_.wait(1s);
        }
        if (consumer_.stopping()) co_return failures;
        auto order = record.value ? decode_order(*record.value)
                                  : result<Order>{fail(errc::tombstone, {}, "a record without a value")};
        if (order)
            taken.push_back({std::move(*order), record.place});
        else
            failures.push_back({&record, flow::Consumer::Failure::Kind::poison, std::move(order.error())});
    }
    co_await keep_and_begin(taken);
    co_return failures;
}

// What was worked off before is done. False when it is time to stop.
awaitable<bool> OrderConsumer::leave_out_handled(std::vector<Taken>& taken) {
    std::vector<bool> handled;
    const auto ask = [&]() -> awaitable<result<void>> {
        while (handled.size() < taken.size()) {
            const auto known = co_await inbox_.handled(taken[handled.size()].order.task_id);
            if (!known) co_return tl::unexpected{known.error()};
            handled.push_back(*known);
        }
        co_return result<void>{};
    };
    if (!co_await consumer_.until_readable([&] { return aio::run_on(service_.core(), ask); }))
        co_return false;
    std::size_t index = 0;
    std::erase_if(taken, [&](const Taken& one) {
        const bool known = handled[index++];
        if (known) consumer_.done(*one.place);
        return known;
    });
    co_return true;
}

awaitable<void> OrderConsumer::keep_and_begin(std::vector<Taken>& taken) {
    if (!co_await leave_out_handled(taken)) co_return;
    if (options_.keep_in_store && !taken.empty()) {
        store::Commit kept;
        for (const auto& [order, place] : taken) kept.timers.push_back(timer_of(order));
        if (!co_await committer_.commit(std::move(kept))) co_return;
    }
    for (auto& one : taken) work_off_beside(std::move(one));
    taken.clear();
}

void OrderConsumer::work_off_beside(Taken taken) {
    ++in_flight_;
    aio::spawn_critical(consumer_.strand(), "order",
                        [this, taken = std::move(taken), hold = consumer_.enter()]() mutable {
                            return work_off(std::move(taken));
                        });
}

awaitable<int> OrderConsumer::next_step(const Order& order) {
    return aio::run_on(service_.core(), [this, &order]() -> awaitable<int> {
        const Task* task = service_.projection().find(order.task_id);
        if (task == nullptr) co_return 0;
        if (task->state.finished() || task->user->id != order.user_id) co_return last_step + 1;
        co_return static_cast<int>(std::clamp<std::int64_t>(task->state.current_step, 0, last_step)) + 1;
    });
}

awaitable<void> OrderConsumer::work_off(Taken taken) {
    bool ended = co_await work_steps(taken);
    if (ended) {
        store::Commit handled;
        handled.inbox = inbox_.mark(taken.order.task_id);
        ended = (co_await committer_.commit(std::move(handled))).has_value();
    }
    if (ended && options_.keep_in_store) {
        store::Commit forget;
        forget.fired.push_back(kept_as(taken.order));
        ended = (co_await committer_.commit(std::move(forget))).has_value();
    }
    if (ended && taken.place) consumer_.done(*taken.place);
    --in_flight_;
    room_.notify();
}

// False when it was time to stop before the last one.
awaitable<bool> OrderConsumer::work_steps(const Taken& taken) {
    for (int step = co_await next_step(taken.order); step <= last_step; ++step) {
        if (step != 0 && !co_await consumer_.pause(options_.step_delay)) co_return false;
        if (!co_await publish(taken.order, step)) co_return false;
        // Whoever ordered is answered once the first step can be seen.
        if (taken.place) consumer_.settle(*taken.place);
        if (fails_at(taken.order, step, options_.stock)) break;
    }
    co_return true;
}

// Until the bus takes it; false when it is time to stop. A repetition is a duplicate by its event id.
awaitable<bool> OrderConsumer::publish(const Order& order, int step) {
    std::string value;
    encode_sent(event_of(order, step, options_.stock), value);
    aio::Backoff backoff{100ms, 5s};
    while (!consumer_.stopping()) {
        std::vector<bus::Message> messages;
        messages.push_back({options_.events_topic, order.task_id, value});
        const auto produced = co_await consumer_.produce(std::move(messages));
        if (!produced) break;
        if (*produced) co_return true;
        spdlog::warn("order {}: step {} waits: {}", order.task_id, step, produced->error().text());
        if (!co_await consumer_.pause(backoff.next())) break;
    }
    co_return false;
}

}  // namespace stepcast::progress

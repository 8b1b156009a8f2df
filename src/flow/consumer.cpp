#include "flow/consumer.hpp"

#include <spdlog/spdlog.h>
#include <utility>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "aio/unless.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
constexpr auto quiet = 250ms;

/// Records that are given again, and how often each was tried.
struct Again {
    std::vector<bus::Record> records;
    std::vector<std::uint32_t> tries;
};

}  // namespace

Consumer::Consumer(asio::io_context& io, bus::MessageBus& bus, DeadLetters& dead_letters,
                   std::string_view name)
    : strand_{asio::make_strand(io)}, bus_{bus}, dead_letters_{dead_letters}, name_{name}, gate_{strand_} {}

void Consumer::start(Subscription subscription, Handler& handler) {
    topic_ = std::visit([](const auto& of) { return of.topic; }, subscription);
    if (auto* group = std::get_if<bus::GroupSubscription>(&subscription))
        from_ = bus_.subscribe(std::move(*group), strand_);
    else
        from_ = bus_.replay(std::get<bus::ReplaySubscription>(std::move(subscription)), strand_);
    subscribed_.store(true, std::memory_order_release);
    aio::spawn_critical(strand_, name_, [this, &handler, hold = gate_.enter()] { return run(handler); });
}

aio::awaitable<void> Consumer::stop() {
    stop_.raise();
    return aio::run_on(strand_, [this]() -> aio::awaitable<void> {
        co_await gate_.close();
        if (!from_) co_return;
        from_->let_go();
        co_await from_->close();
    });
}

aio::awaitable<bool> Consumer::until_readable(std::function<aio::awaitable<result<void>>()> read) {
    aio::Backoff backoff{500ms, 5s};
    while (!stopping()) {
        const auto done = co_await read();
        if (done) co_return true;
        spdlog::warn("{} waits for the store: {}", name_, done.error().text());
        if (!co_await pause(backoff.next())) break;
    }
    co_return false;
}

aio::awaitable<std::optional<result<std::vector<bus::Place>>>> Consumer::produce(
    std::vector<bus::Message> messages) {
    return aio::unless(stop_, bus_.produce(std::move(messages)));
}

aio::awaitable<void> Consumer::run(Handler& handler) {
    co_await handler.begin();
    while (!stopping()) {
        if (const auto batch = co_await from_->next(quiet)) co_await handle(*batch, handler);
        co_await handler.look();
    }
}

aio::awaitable<void> Consumer::handle(const bus::Batch& batch, Handler& handler) {
    std::span<const bus::Record> records{batch.records};
    Again given;  // what `records` are, but for the first time
    aio::Backoff backoff{100ms, 5s};
    while (!stopping()) {
        const auto failures = co_await handler.take(records);
        std::vector<DeadLetters::Letter> letters;
        Again again;
        for (const auto& [record, kind, error, tries] : failures) {
            const auto index = static_cast<std::size_t>(record - records.data());
            const auto all = tries + (given.tries.empty() ? 0 : given.tries[index]);
            if (kind == Failure::Kind::poison) {
                letters.push_back({record, error.code.message(), error.text(), all});
                continue;
            }
            if (again.records.empty()) spdlog::warn("{} waits: {}", name_, error.text());
            again.records.push_back(*record);
            again.tries.push_back(all);
        }
        if (!letters.empty() && !co_await bury(letters, handler)) co_return;
        if (again.records.empty() || !co_await stop_.pause(backoff.next())) co_return;
        given = std::move(again);
        records = given.records;
    }
}

// False if a stop came first.
aio::awaitable<bool> Consumer::bury(const std::vector<DeadLetters::Letter>& letters, Handler& handler) {
    if (!co_await dead_letters_.bury(topic_, letters)) co_return false;
    for (const auto& letter : letters) from_->done(letter.record->place);
    co_await handler.buried();
    co_return true;
}

}  // namespace stepcast::flow

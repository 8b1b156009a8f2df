#include "store/cleaner.hpp"

#include <spdlog/spdlog.h>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"

namespace stepcast::store {

Cleaner::Cleaner(aio::Strand strand, EventStore& store, const Clock& clock, Duration interval, Sink sink)
    : strand_{strand},
      store_{store},
      clock_{clock},
      interval_{interval},
      sink_{std::move(sink)},
      wake_{strand},
      gate_{strand} {}

void Cleaner::start() {
    aio::spawn(strand_, "cleaner", [this, hold = gate_.enter()]() -> awaitable<void> { co_await run(); });
}

awaitable<void> Cleaner::run() {
    while (!stopping_) {
        co_await wake_.wait(interval_);
        if (!stopping_) co_await clean();
    }
}

awaitable<void> Cleaner::clean() {
    for (bool done = false; !done && !stopping_;) {
        const auto expired = co_await store_.cleanup(clock_.now());
        if (!expired) {
            spdlog::warn("cleanup: {}", expired.error().text());
            co_return;
        }
        if (!expired->streams.empty() || !expired->oversized.empty()) sink_(*expired);
        done = expired->done;
        if (!done) co_await aio::next_turn();
    }
}

awaitable<void> Cleaner::stop() {
    stopping_ = true;
    wake_.notify();
    co_await gate_.close();
}

}  // namespace stepcast::store

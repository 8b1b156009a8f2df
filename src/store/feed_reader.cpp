#include "store/feed_reader.hpp"

#include <spdlog/spdlog.h>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"

namespace stepcast::store {
namespace {

// Hints may be lost on their way from another node; the head is polled besides.
constexpr auto poll_interval = std::chrono::milliseconds{250};
// A fold takes about a microsecond an event, so a page stays well below a millisecond.
constexpr std::size_t page_size = 256;

}  // namespace

FeedReader::FeedReader(aio::Strand strand, EventStore& store, Sink sink, Position after)
    : strand_{strand},
      store_{store},
      sink_{std::move(sink)},
      applied_{after},
      changed_{strand},
      gate_{strand} {}

FeedReader::~FeedReader() = default;

void FeedReader::start() {
    store_.feed().on_change([this] { changed_.notify(); });
    // A hint like the other one: the name decides, because a notice may come between a page and its look.
    store_.feed().on_new_epoch([this] { changed_.notify(); });
    store_.feed().read_through(applied_);
    epoch_ = store_.epoch();
    aio::spawn_critical(strand_, "feed reader",
                        [this, hold = gate_.enter()]() -> awaitable<void> { co_await run(); });
}

awaitable<void> FeedReader::run() {
    while (!stopping_) {
        if (store_.epoch() != epoch_) begin_epoch();
        if (store_.head() <= applied_ || !co_await read_page()) {
            co_await changed_.wait(poll_interval);
        } else {
            co_await aio::next_turn();  // one page a turn
        }
    }
}

// False if the store could not be read.
awaitable<bool> FeedReader::read_page() {
    auto page = co_await store_.read_all({.from = applied_ + 1, .limit = page_size});
    if (!page) {
        spdlog::warn("feed: {}", page.error().text());
        co_return false;
    }
    if (store_.epoch() != epoch_) co_return true;  // a page of either history
    co_await sink_(page->events, page->through);
    raise_applied(page->through);
    co_return true;
}

void FeedReader::begin_epoch() {
    const bool first = applied_ == 0;
    epoch_ = store_.epoch();
    applied_ = 0;
    ++restarts_;
    store_.feed().read_through(0);
    if (!first && restart_) restart_();
    for (auto& waiter : waiters_) waiter.notice.notify();
}

void FeedReader::raise_applied(Position through) {
    applied_ = std::max(applied_, through);
    store_.feed().read_through(applied_);
    for (auto& waiter : waiters_)
        if (waiter.position <= applied_) waiter.notice.notify();
}

awaitable<bool> FeedReader::wait_applied(Position position, std::chrono::steady_clock::duration limit) {
    if (position <= applied_) co_return true;
    const auto hold = gate_.enter();
    if (!hold || stopping_) co_return false;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    const auto restarts = restarts_;
    const auto waiter = waiters_.insert(waiters_.end(), Waiter{position, aio::Notice{strand_}});
    while (applied_ < position && restarts_ == restarts && !stopping_) {
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= left.zero() || !co_await waiter->notice.wait(left)) break;
    }
    waiters_.erase(waiter);
    co_return applied_ >= position || restarts_ != restarts;
}

awaitable<void> FeedReader::stop() {
    stopping_ = true;
    store_.feed().on_change({});
    store_.feed().on_new_epoch({});
    changed_.notify();
    for (auto& waiter : waiters_) waiter.notice.notify();
    co_await gate_.close();
}

}  // namespace stepcast::store

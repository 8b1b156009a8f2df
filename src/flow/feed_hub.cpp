#include "flow/feed_hub.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"

namespace stepcast::flow {
namespace {

using Steady = std::chrono::steady_clock;

// Groups whose time is remembered until the feed reads them; it is rarely more than one behind.
constexpr std::size_t max_commits = 64;

bool takes(const Projection& projection, const event::Category* category) {
    const auto own = projection.categories();
    return std::find(own.begin(), own.end(), category) != own.end();
}

}  // namespace

FeedHub::FeedHub(const aio::Strand& core, store::EventStore& store, broadcast::Publisher& publisher,
                 const Clock& clock, Duration cleanup_interval)
    : core_{core},
      store_{store},
      publisher_{publisher},
      reader_{core, store,
              [this](std::span<const event::EventRef> events, event::Position through) {
                  return take(events, through);
              }},
      cleaner_{core, store, clock, cleanup_interval,
               [this](const store::EventStore::Expired& cleaned) { take_cleaned(cleaned); }} {
    reader_.on_new_epoch([this] { restart(); });
}

void FeedHub::add(Projection& projection) {
    projections_.push_back(&projection);
}

std::vector<store::SnapshotKind> FeedHub::begins_at() const {
    std::vector<store::SnapshotKind> kinds;
    for (const Projection* projection : projections_)
        std::ranges::move(projection->begins_at(), std::back_inserter(kinds));
    for (const Projection* projection : projections_) {
        const auto own = projection->begins_at();
        std::erase_if(kinds, [&](const store::SnapshotKind& kind) {
            return takes(*projection, kind.category) && std::ranges::find(own, kind) == own.end();
        });
    }
    return kinds;
}

void FeedHub::start() {
    reader_.start();
}

aio::awaitable<void> FeedHub::stop() {
    co_await cleaner_.stop();
    co_await reader_.stop();
}

aio::awaitable<void> FeedHub::take(std::span<const event::EventRef> events, event::Position through) {
    // What a commit expired to make room leaves the projections at once, not at the next interval.
    const auto expired = store_.stats().expired;
    if (std::exchange(expired_, expired) != expired) cleaner_.hurry();
    check_order(events);
    for (Projection* projection : projections_) co_await projection->apply(own(*projection, events), through);
    scratch_.clear();
    tell_memory();
    // Before anybody is told: a lane that is lapped by these reads them as applied.
    applied_ = std::max(applied_, through);
    if (!live() || events.empty()) {
        publisher_.skip_to(through);
        co_return;
    }
    publisher_.publish(events, committed_at(events.front()->position()));
    for (Projection* projection : projections_) projection->published();
}

// A page is rarely mixed: then nothing is copied.
std::span<const event::EventRef> FeedHub::own(const Projection& projection,
                                              std::span<const event::EventRef> events) {
    const event::Category* known = nullptr;
    const auto is_own = [&](const event::EventRef& event) {
        if (&event->category() == known) return true;
        if (!takes(projection, &event->category())) return false;
        known = &event->category();
        return true;
    };
    const auto foreign = std::find_if_not(events.begin(), events.end(), is_own);
    if (foreign == events.end()) return events;
    scratch_.assign(events.begin(), foreign);
    std::copy_if(foreign, events.end(), std::back_inserter(scratch_), is_own);
    return scratch_;
}

void FeedHub::take_cleaned(const store::EventStore::Expired& cleaned) {
    for (Projection* projection : projections_) {
        for (const auto& stream : cleaned.streams)
            if (takes(*projection, stream.category)) projection->expired(stream);
        for (const auto& stream : cleaned.oversized)
            if (takes(*projection, stream.category)) projection->oversized(stream);
    }
    tell_memory();
}

void FeedHub::tell_memory() {
    std::uint64_t bytes = 0;
    for (const Projection* projection : projections_) bytes += projection->memory();
    store_.hold(bytes);
}

// Holes are what expired before it was read, and the store vouches for them by `through`; nothing explains a
// position that does not rise.
void FeedHub::check_order(std::span<const event::EventRef> events) {
    for (const auto& event : events) {
        if (event->position() <= fed_) ++feed_gaps_;
        fed_ = std::max(fed_, event->position());
    }
}

void FeedHub::note_commit(Steady::time_point began, event::Position through) {
    const auto now = Steady::now();
    commit_seconds_.observe(std::chrono::duration<double>(now - began).count());
    if (through <= fed_ || (!commits_.empty() && through <= commits_.back().through)) return;
    if (commits_.size() == max_commits) commits_.pop_front();
    commits_.push_back({through, now});
}

// When the event at `position` was committed: the time of its group, or now if nobody told.
Steady::time_point FeedHub::committed_at(event::Position position) {
    while (!commits_.empty() && commits_.front().through < position) commits_.pop_front();
    return commits_.empty() ? Steady::now() : commits_.front().at;
}

void FeedHub::restart() {
    ++restarts_;
    applied_ = fed_ = 0;
    commits_.clear();
    for (Projection* projection : projections_) projection->reset();
    publisher_.restart();
    spdlog::warn("the store begins another history, {}: all state is folded again", store_.epoch());
}

// A page over a wide expired hole may hold nothing and still not be the last.
aio::awaitable<broadcast::Missed> FeedHub::read_after(event::Position after, std::size_t limit) {
    return aio::run_on(core_, [this, after, limit]() mutable -> aio::awaitable<broadcast::Missed> {
        for (;;) {
            auto page = co_await store_.read_all({store::Range::By::position, after + 1, applied_, limit});
            if (!page) throw std::runtime_error{page.error().text()};
            if (!page->events.empty() || !page->more)
                co_return broadcast::Missed{std::move(page->events), page->lost_through};
            after = page->through;
            co_await aio::next_turn();
        }
    });
}

}  // namespace stepcast::flow

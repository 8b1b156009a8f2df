#include "domain/progress/service.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "domain/progress/codec.hpp"

namespace stepcast::progress {
namespace {

// How many of the events count at `at`: up to the last one whose own time is not after it. Producers' times
// stand in no order, so each is looked at, in slices.
awaitable<std::size_t> count_at(std::span<const event::EventRef> events, Timestamp at) {
    ProgressEvent scratch;
    for (std::size_t i = events.size(); i != 0; --i) {
        decode_stored(*events[i - 1], scratch);
        if (scratch.timestamp <= at) co_return i;
        if (i % events_in_turn == 0) co_await aio::next_turn();
    }
    co_return 0;
}

}  // namespace

ProgressEventService::ProgressEventService(const aio::Strand& core, store::EventStore& store,
                                           flow::FeedHub& hub, broadcast::Publisher& publisher,
                                           const Clock& clock, Options options)
    : core_{core},
      store_{store},
      hub_{hub},
      publisher_{publisher},
      clock_{clock},
      options_{options},
      tasks_{store},
      refold_{projection_, tasks_},
      stop_{core},
      gate_{core} {}

std::span<const event::Category* const> ProgressEventService::categories() const {
    static constexpr std::array<const event::Category*, 1> own{&category};
    return own;
}

awaitable<void> ProgressEventService::apply(std::span<const event::EventRef> events,
                                            event::Position through) {
    resumed_.clear();
    co_await fold_all(events);
    if (!live()) co_await refold_.note(events);
    projection_.note_applied(through);
}

void ProgressEventService::published() {
    announce(resumed_);
}

awaitable<void> ProgressEventService::fold_all(std::span<const event::EventRef> events) {
    while (true) {
        const Instant now{clock_.now(), std::chrono::steady_clock::now()};
        events = events.subspan(projection_.apply(events, now, resumed_));
        if (events.empty()) co_return;
        co_await restore(*events.front());
    }
}

// After a start: what was folded into a snapshot is not in the feed any more.
awaitable<void> ProgressEventService::restore(const event::Event& first) {
    auto state = co_await tasks_.base(first.stream_id(), first.version());
    if (!state)
        spdlog::warn("task {} begins at version {}: {}", first.stream_id(), first.version(),
                     state.error().text());
    projection_.restore(first.stream_id(), first.subject(), state ? std::move(*state) : ProgressState{},
                        first.version());
}

void ProgressEventService::expired(const store::ExpiredStream& stream) {
    const Task* task = projection_.find(stream.stream_id);
    projection_.expire({&stream, 1});
    if (task != nullptr && projection_.find(stream.stream_id) == nullptr) std::erase(resumed_, task);
}

void ProgressEventService::oversized(const store::Oversized& stream) {
    // The cleaner may come again before a slow store has saved the snapshot.
    if (!trimming_.insert(stream.stream_id).second) return;
    aio::spawn(core_, "trim", [this, id = stream.stream_id, hold = gate_.enter()]() -> awaitable<void> {
        struct Done {
            decltype(trimming_)& all;
            const std::string& id;
            ~Done() { all.erase(id); }
        } done{trimming_, id};
        co_await trim(id);
    });
}

void ProgressEventService::reset() {
    resumed_.clear();
    refold_.clear();
    projection_.clear();
}

bool ProgressEventService::is_stalled(const Task& task) const {
    return task.is_silent(std::chrono::steady_clock::now(), options_.stall_after);
}

event::EventRef ProgressEventService::recovery_frame(const Task& task) const {
    std::string frame = "event: recovery\ndata: ";
    append_snapshot(frame, task.id, task.user->id, task.state,
                    outlook(task.state, clock_.now(), is_stalled(task)), true);
    frame += "\n\n";
    return event::Event::control(category, frame, task.id, task.user->id);
}

void ProgressEventService::announce(const std::vector<const Task*>& tasks) {
    if (tasks.empty()) return;
    std::vector<event::EventRef> frames;
    frames.reserve(tasks.size());
    for (const Task* task : tasks) frames.push_back(recovery_frame(*task));
    publisher_.publish(frames, std::chrono::steady_clock::now());
}

void ProgressEventService::start() {
    aio::spawn(core_, "progress watch", [this, hold = gate_.enter()] { return tick(); });
}

awaitable<void> ProgressEventService::stop() {
    stop_.notify();
    co_await gate_.close();
}

awaitable<void> ProgressEventService::tick() {
    using namespace std::chrono_literals;
    const Duration pace = std::clamp<Duration>(options_.stall_after / 4, 10ms, 1s);
    while (!co_await stop_.wait(pace)) {
        moved_.clear();
        if (live()) {
            projection_.mark_stalled(std::chrono::steady_clock::now(), options_.stall_after, events_in_turn,
                                     moved_);
            announce(moved_);
            if (options_.on_stalled)
                for (const Task* task : moved_) options_.on_stalled(task->id, task->state.version);
        }
    }
}

// Folds the oldest tenth into a snapshot, so that trimming is rare and each one small.
awaitable<void> ProgressEventService::trim(std::string task_id) {
    const Task* task = projection_.find(task_id);
    if (task == nullptr || task->state.version <= options_.max_events_per_task) co_return;
    const event::Version first = task->first_version;
    const bool split = task->split;
    const event::Version cut =
        task->state.version - options_.max_events_per_task + options_.max_events_per_task / 10;
    if (cut < first) co_return;  // the store is ahead: it asks again
    auto state = co_await tasks_.base(task_id, first);
    // Nothing is read for a snapshot that cannot be gone on from.
    const auto events = co_await tasks_.read(task_id, first, state ? cut : 0);
    if (!events || events->empty()) {
        ++tasks_.counts().failed;
        co_return;
    }
    co_await fold(*state, *events, split);
    if (const auto saved = co_await tasks_.replace(task_id, *state); !saved) {
        spdlog::warn("task {} could not be trimmed: {}", task_id, saved.error().text());
        co_return;
    }
    if (Task* again = projection_.find(task_id); again != nullptr) again->first_version = state->version + 1;
}

// The task, if it is known and has come to the version.
result<const Task*> ProgressEventService::find(std::string_view task_id,
                                               std::optional<event::Version> version) const {
    const Task* task = projection_.find(task_id);
    if (task == nullptr) return fail(live() ? query_errc::unknown_task : query_errc::rebuilding);
    if (version && *version > task->state.version) return fail(query_errc::beyond_head);
    return task;
}

awaitable<result<event::Version>> ProgressEventService::version_at(std::string task_id, Timestamp at) {
    struct Kept {
        ProgressState folded;  // what went before the events
        event::Version first = 1;
        std::vector<event::EventRef> events;
    };
    const auto kept = co_await aio::run_on(core_, [&]() -> awaitable<result<Kept>> {
        const auto task = find(task_id, {});
        if (!task) co_return tl::unexpected{task.error()};
        const event::Version first = (*task)->first_version;
        const event::Version last = (*task)->state.version;
        auto state = co_await tasks_.base(task_id, first);
        auto events = co_await tasks_.read(task_id, first, last);
        if (!events) co_return tl::unexpected{events.error()};
        co_return Kept{state ? std::move(*state) : ProgressState{}, first, std::move(*events)};
    });
    if (!kept) co_return tl::unexpected{kept.error()};
    const ProgressState& folded = kept->folded;
    const std::size_t count = co_await count_at(kept->events, at);
    if (count == 0 && kept->first > 1) {
        if (folded.version != 0 && at < folded.started_at) co_return fail(query_errc::beyond_head);
        if (folded.version == 0 || at < folded.updated_at) co_return fail(query_errc::trimmed);
    }
    const event::Version version = kept->first - 1 + count;
    if (version == 0) co_return fail(query_errc::beyond_head);
    co_return version;
}

awaitable<result<TaskView>> ProgressEventService::status(std::string task_id,
                                                         std::optional<event::Version> version) {
    struct Past {
        TaskView view;  // the present, or the state that `events` go on from
        std::vector<event::EventRef> events;
        bool split = false;
    };
    auto past = co_await aio::run_on(core_, [&]() -> awaitable<result<Past>> {
        const auto found = find(task_id, version);
        if (!found) co_return tl::unexpected{found.error()};
        const Task* task = *found;
        if (!version) co_return Past{{task->user->id, task->state, is_stalled(*task)}, {}};
        // The task may expire while its events are read: nothing of it is looked at behind the first
        // suspension.
        const event::Version first = task->first_version;
        if (*version + 1 < first) co_return fail(query_errc::trimmed);
        const bool split = task->split;
        std::string user_id = task->user->id;
        auto state = co_await tasks_.base(task_id, first);
        if (!state) co_return tl::unexpected{state.error()};
        auto events = co_await tasks_.read(task_id, first, *version);
        if (!events) co_return tl::unexpected{events.error()};
        co_return Past{{std::move(user_id), std::move(*state)}, std::move(*events), split};
    });
    if (!past) co_return tl::unexpected{past.error()};
    co_await fold(past->view.state, past->events, past->split);
    if (past->view.state.version == 0) co_return fail(query_errc::beyond_head);
    co_return std::move(past->view);
}

awaitable<result<ProgressEventService::History>> ProgressEventService::history(
    std::string task_id, std::optional<event::Version> version, event::Version from, std::size_t limit) {
    return aio::run_on(
        core_, [this, task_id = std::move(task_id), version, from, limit]() -> awaitable<result<History>> {
            const auto task = find(task_id, version);
            if (!task) co_return tl::unexpected{task.error()};
            const event::Version first = (*task)->first_version;
            const event::Version head = version.value_or((*task)->state.version);
            if (head < first) co_return fail(query_errc::trimmed);
            const store::Range range{store::Range::By::version, std::max(from, first), head, limit};
            auto page = co_await store_.read_stream(category, task_id, range);
            if (!page) co_return fail(query_errc::unavailable);
            // The store let it go to make room, and the cleaner has not told us yet.
            if (page->events.empty() && range.from <= range.to) co_return fail(query_errc::unknown_task);
            co_return History{std::move(page->events), page->more, head};
        });
}

awaitable<result<ProgressEventService::History>> ProgressEventService::user_events(std::string user_id,
                                                                                   event::Position from,
                                                                                   std::size_t limit) {
    return aio::run_on(core_,
                       [this, user_id = std::move(user_id), from, limit]() -> awaitable<result<History>> {
                           if (!live()) co_return fail(query_errc::rebuilding);
                           store::Range range{store::Range::By::position, from, projection_.applied(), limit};
                           auto page = co_await store_.read_subject(user_id, categories(), range);
                           // A page over what has just expired may hold nothing.
                           while (page && page->events.empty() && page->more) {
                               range.from = page->through + 1;
                               co_await aio::next_turn();
                               page = co_await store_.read_subject(user_id, categories(), range);
                           }
                           if (!page) co_return fail(query_errc::unavailable);
                           co_return History{std::move(page->events), page->more};
                       });
}

}  // namespace stepcast::progress

#include "domain/progress/projection.hpp"

#include "base/heap.hpp"
#include "domain/progress/codec.hpp"

namespace stepcast::progress {

namespace {

std::uint64_t bytes_of(const Task& task) {
    const auto& state = task.state;
    return ShardedMap<Task>::entry_bytes + heap_bytes(sizeof(Task)) + heap_bytes(task.id) +
           heap_bytes(state.step_name) + heap_bytes(state.detail) + heap_bytes(state.event_id);
}
std::uint64_t bytes_of(const User& user) {
    return ShardedMap<User>::entry_bytes + heap_bytes(sizeof(User)) + heap_bytes(user.id);
}

}  // namespace

ProgressProjection::ProgressProjection() = default;

ProgressProjection::~ProgressProjection() {
    clear();
}

// Lists are left before what stands in them goes.
void ProgressProjection::clear() {
    watched_.clear();
    users_.for_each([](User& user) { user.tasks.clear(); });
    tasks_.clear();
    users_.clear();
    bytes_ = 0;
    counts_ = {};
}

Task& ProgressProjection::open(std::string_view task_id, std::string_view user_id) {
    User* user = users_.find(user_id);
    if (user == nullptr) {
        auto fresh = std::make_unique<User>();
        fresh->id = user_id;
        user = &users_.insert(std::move(fresh));
        ++counts_.users;
        bytes_ += bytes_of(*user);
    }
    auto fresh = std::make_unique<Task>();
    fresh->id = task_id;
    fresh->user = user;
    Task& task = tasks_.insert(std::move(fresh));
    user->tasks.push_front(task);
    bytes_ += bytes_of(task);
    ++counts_.by_status[static_cast<std::size_t>(task.state.status)];
    return task;
}

void ProgressProjection::watch(Task& task) {
    if (task.WatchHook::is_linked()) watched_.erase(watched_.iterator_to(task));
    if (!task.state.finished()) watched_.push_back(task);
}

void ProgressProjection::set_stalled(Task& task, bool stalled) {
    if (task.stalled == stalled) return;
    task.stalled = stalled;
    stalled ? ++counts_.stalled : --counts_.stalled;
    stalled ? ++task.user->stalled : --task.user->stalled;
}

void ProgressProjection::restore(std::string_view task_id, std::string_view user_id, ProgressState state,
                                 event::Version first_version) {
    Task& task = open(task_id, user_id);
    set_state(task, std::move(state));
    task.first_version = first_version;
}

void ProgressProjection::replace(Task& task, ProgressState state) {
    set_state(task, std::move(state));
    set_stalled(task, false);
    watch(task);
}

void ProgressProjection::set_state(Task& task, ProgressState state) {
    --counts_.by_status[static_cast<std::size_t>(task.state.status)];
    bytes_ -= bytes_of(task);
    task.state = std::move(state);
    bytes_ += bytes_of(task);
    ++counts_.by_status[static_cast<std::size_t>(task.state.status)];
}

std::size_t ProgressProjection::apply(std::span<const event::EventRef> events, const Instant& now,
                                      std::vector<const Task*>& resumed) {
    for (std::size_t i = 0; i < events.size(); ++i) {
        const auto& stored = events[i];
        decode_stored(*stored, scratch_);
        Task* const known = find(scratch_.task_id);
        if (known == nullptr && stored->version() != 1) return i;
        Task& task = known != nullptr ? *known : open(scratch_.task_id, scratch_.user_id);
        counts_.applied = stored->position();
        bytes_ -= bytes_of(task);
        --counts_.by_status[static_cast<std::size_t>(task.state.status)];
        if (stored->version() <= task.state.version) {  // the stream expired and began anew
            task.state = {};
            task.first_version = 1;
            task.split = false;
        }
        if (scratch_.seq != 0) {
            counts_.seq_gaps += scratch_.seq > task.state.seq + 1;
            counts_.seq_stale += scratch_.seq <= task.state.seq;
        }
        evolve(task.state, scratch_, stored->version(), stored->position(), stored->recorded_at());
        bytes_ += bytes_of(task);
        // What was stored by a clock that ran ahead was stored just now.
        task.moved_at = now.steady - std::max(Duration{0}, now.wall - stored->recorded_at());
        ++counts_.by_status[static_cast<std::size_t>(task.state.status)];

        auto& tasks = task.user->tasks;
        tasks.splice(tasks.begin(), tasks, tasks.iterator_to(task));
        watch(task);
        if (task.stalled) {
            set_stalled(task, false);
            resumed.push_back(&task);
        }
    }
    return events.size();
}

void ProgressProjection::remove(Task& task) {
    --counts_.by_status[static_cast<std::size_t>(task.state.status)];
    set_stalled(task, false);
    if (task.WatchHook::is_linked()) watched_.erase(watched_.iterator_to(task));
    bytes_ -= bytes_of(task);
    User& user = *task.user;
    user.tasks.erase(user.tasks.iterator_to(task));
    tasks_.erase(task);
    if (!user.tasks.empty()) return;
    bytes_ -= bytes_of(user);
    users_.erase(user);
    --counts_.users;
}

void ProgressProjection::expire(std::span<const store::ExpiredStream> streams) {
    for (const auto& stream : streams) {
        Task* task = find(stream.stream_id);
        if (task != nullptr && task->state.position <= stream.through) remove(*task);
    }
}

void ProgressProjection::mark_stalled(std::chrono::steady_clock::time_point now, Duration stall_after,
                                      std::size_t limit, std::vector<const Task*>& stalled) {
    while (limit-- != 0 && !watched_.empty()) {
        Task& task = watched_.front();
        if (!task.is_silent(now, stall_after)) return;
        watched_.pop_front();
        set_stalled(task, true);
        stalled.push_back(&task);
    }
}

}  // namespace stepcast::progress

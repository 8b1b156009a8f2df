#include "domain/progress/refold.hpp"

#include <utility>

#include "domain/progress/split_tasks.hpp"

namespace stepcast::progress {

using aio::awaitable;

awaitable<void> Refold::run(std::vector<std::string> task_ids, bool keep) {
    std::vector<store::Commit> states;
    for (const auto& id : task_ids) {
        const Task* const task = projection_.find(id);
        if (task == nullptr) continue;
        const event::Version version = task->state.version;
        auto state = co_await tasks_.base(id, task->first_version);
        const auto events = co_await tasks_.read(id, task->first_version, version);
        if (!state || !events) continue;
        co_await fold_by_time(*state, *events);
        // It may have expired meanwhile.
        Task* const again = projection_.find(id);
        if (again == nullptr || again->state.version != state->version) continue;
        if (keep) StoredTasks::keep(states.emplace_back(), id, *state);
        projection_.replace(*again, std::move(*state));
        if (states.size() == events_in_turn) {
            co_await tasks_.commit(states);
            states.clear();
        }
    }
    if (!states.empty()) co_await tasks_.commit(states);
}

// A snapshot beside the events that it was folded from is only made by a refold.
awaitable<void> Refold::note(std::span<const event::EventRef> events) {
    for (const auto& event : events)
        if (event->version() == 1 && co_await tasks_.has_snapshot(event->stream_id()))
            kept_.emplace_back(event->stream_id());
}

awaitable<void> Refold::take_up() {
    for (const auto& id : std::exchange(kept_, {})) {
        const Task* const task = projection_.find(id);
        if (task == nullptr) continue;
        auto state = co_await tasks_.go_on(id, task->state.version);
        Task* const again = projection_.find(id);
        if (!state || again == nullptr || again->state.version != state->version) continue;
        again->split = true;
        projection_.replace(*again, std::move(*state));
    }
}

}  // namespace stepcast::progress

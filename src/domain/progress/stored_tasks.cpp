#include "domain/progress/stored_tasks.hpp"

#include "aio/turn.hpp"
#include "base/error_category.hpp"
#include "domain/progress/codec.hpp"
#include "domain/progress/split_tasks.hpp"

namespace stepcast::progress {

using aio::awaitable;

std::error_code make_error_code(query_errc e) {
    static const ErrorCategory<query_errc> errors{
        "progress query",
        {{query_errc::unknown_task, "no such task"},
         {query_errc::beyond_head, "the task has no such version"},
         {query_errc::trimmed, "the version was folded into a snapshot"},
         {query_errc::rebuilding, "the state is being rebuilt"},
         {query_errc::unavailable, "the store cannot be read now"}}};
    return errors.code(e);
}

awaitable<void> fold(ProgressState& state, std::span<const event::EventRef> events, bool split) {
    if (split) co_return co_await fold_by_time(state, events);
    ProgressEvent scratch;
    std::size_t folded = 0;
    for (const auto& stored : events) {
        decode_stored(*stored, scratch);
        evolve(state, scratch, stored->version(), stored->position(), stored->recorded_at());
        if (++folded % events_in_turn == 0) co_await aio::next_turn();
    }
}

awaitable<result<std::vector<event::EventRef>>> StoredTasks::read(std::string_view task_id,
                                                                  event::Version from, event::Version to) {
    std::vector<event::EventRef> all;
    while (from <= to) {
        auto page = co_await store_.read_stream(category, task_id,
                                                {store::Range::By::version, from, to, events_in_turn});
        if (!page) co_return fail(query_errc::unavailable);
        all.insert(all.end(), page->events.begin(), page->events.end());
        if (!page->more) break;
        from = page->through + 1;
        co_await aio::next_turn();  // let others have their turn
    }
    co_return all;
}

awaitable<result<ProgressState>> StoredTasks::base(std::string_view task_id, event::Version first_version) {
    if (first_version <= 1) co_return ProgressState{};
    const auto snapshot = co_await store_.load_snapshot(category, task_id);
    if (!snapshot) co_return fail(query_errc::unavailable);
    if (*snapshot && (*snapshot)->schema == state_schema && (*snapshot)->version + 1 == first_version)
        if (auto state = load_state((*snapshot)->state)) co_return std::move(*state);
    if (*snapshot) ++counts_.ignored;
    co_return fail(query_errc::trimmed);
}

awaitable<result<void>> StoredTasks::replace(std::string_view task_id, const ProgressState& state) {
    auto saved = co_await store_.save_snapshot(category, task_id,
                                               {state.version, state_schema, save_state(state)}, true);
    ++(saved ? counts_.saved : counts_.failed);
    co_return saved;
}

void StoredTasks::keep(store::Commit& commit, const std::string& task_id, const ProgressState& state) {
    commit.snapshots.push_back({&category, task_id, {state.version, state_schema, save_state(state)}});
}

awaitable<void> StoredTasks::commit(std::span<store::Commit> states) {
    for (const auto& saved : co_await store_.commit_many(states)) ++(saved ? counts_.saved : counts_.failed);
}

awaitable<bool> StoredTasks::has_snapshot(std::string_view task_id) {
    const auto snapshot = co_await store_.load_snapshot(category, task_id);
    co_return snapshot && *snapshot;
}

awaitable<result<ProgressState>> StoredTasks::go_on(std::string_view task_id, event::Version version) {
    const auto snapshot = co_await store_.load_snapshot(category, task_id);
    const bool known = snapshot && *snapshot && (*snapshot)->schema == state_schema;
    auto state = known ? load_state((*snapshot)->state) : std::nullopt;
    if (state) {
        const auto events = co_await read(task_id, state->version + 1, version);
        if (events) {
            co_await fold(*state, *events, false);
            co_return std::move(*state);
        }
    }
    ++counts_.ignored;
    co_return fail(query_errc::unavailable);
}

}  // namespace stepcast::progress

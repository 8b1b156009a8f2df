#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aio/types.hpp"
#include "domain/progress/model.hpp"
#include "store/store.hpp"

namespace stepcast::progress {

inline constexpr std::size_t events_in_turn = 256;  ///< that are copied, read or folded in one turn

enum class query_errc { unknown_task = 1, beyond_head, trimmed, rebuilding, unavailable };
std::error_code make_error_code(query_errc e);

/// Tasks as the store holds them: their events, and the state that the oldest were folded into. Reads and
/// writes on the core strand. Outlived by the store.
class StoredTasks {
  public:
    struct Counts {
        std::uint64_t saved = 0;
        std::uint64_t failed = 0;   ///< could not be made or saved
        std::uint64_t ignored = 0;  ///< read and of no use: damaged, or of another layout or version
    };

    explicit StoredTasks(store::EventStore& store) : store_{store} {}

    /// Events from one version to another, both included, in slices.
    aio::awaitable<result<std::vector<event::EventRef>>> read(std::string_view task_id, event::Version from,
                                                              event::Version to);
    /// What went before the first event that is kept: nothing, or the task's snapshot; `trimmed` if that is
    /// of no use.
    aio::awaitable<result<ProgressState>> base(std::string_view task_id, event::Version first_version);
    /// Puts the state in place of the events that it was folded from.
    aio::awaitable<result<void>> replace(std::string_view task_id, const ProgressState& state);

    /// Keeps a state beside the events that it was folded from: see `Refold`.
    static void keep(store::Commit& commit, const std::string& task_id, const ProgressState& state);
    /// Commits those.
    aio::awaitable<void> commit(std::span<store::Commit> states);
    /// Whether a snapshot of the task is there, whatever it is worth.
    aio::awaitable<bool> has_snapshot(std::string_view task_id);
    /// The task's snapshot, gone on from to `version`; an error if it cannot be read or is of no use.
    aio::awaitable<result<ProgressState>> go_on(std::string_view task_id, event::Version version);

    Counts& counts() { return counts_; }
    const Counts& counts() const { return counts_; }

  private:
    store::EventStore& store_;
    Counts counts_;
};

/// Goes on from `state` with all of `events`, in the order of their versions, or of their times if the task
/// is `split`. In slices of the caller's strand.
aio::awaitable<void> fold(ProgressState& state, std::span<const event::EventRef> events, bool split);

}  // namespace stepcast::progress

template <>
struct std::is_error_code_enum<stepcast::progress::query_errc> : std::true_type {};

#pragma once
#include <array>
#include <atomic>
#include <string_view>
#include <vector>

#include "aio/stop.hpp"
#include "flow/feed_hub.hpp"
#include "store/store.hpp"

namespace stepcast::flow {

/// Writes to the store for everything on a node, for as long as that takes: what is refused as full or
/// unavailable is written again, the same drafts in the same order, with growing pauses.
class Committer {
  public:
    /// Why writing stands still.
    enum class Pause : std::uint8_t { none, store_full, store_unavailable };
    static constexpr std::array<std::string_view, 3> pause_names{"", "store-full", "store-unavailable"};

    /// All outlive the committer. `hub` is told of each group.
    Committer(const aio::Strand& core, store::EventStore& store, FeedHub& hub)
        : core_{core}, store_{store}, hub_{hub} {}

    /// Returns once each commit is written or refused for good, with the outcomes in order. After `stop` what
    /// is full or unavailable stays so in its outcome. Commits that had to wait are moved from. On the core
    /// strand; any number of callers at a time. Never throws. `attempts`: how often each was written, if any
    /// was more than once; else it stays as it is.
    using Attempts = std::vector<std::uint32_t>;
    aio::awaitable<std::vector<store::CommitResult>> commit(std::vector<store::Commit>& commits,
                                                            Attempts* attempts = nullptr) {
        return commit(commits, Full::waits, attempts);
    }
    /// What becomes of commits that find the store full. Of what never expires they would wait for ever.
    enum class Full : std::uint8_t { waits, refused };
    aio::awaitable<std::vector<store::CommitResult>> commit(std::vector<store::Commit>& commits, Full full,
                                                            Attempts* attempts = nullptr);
    /// The same of one, from any strand.
    aio::awaitable<store::CommitResult> commit(store::Commit commit, Full full = Full::waits,
                                               Attempts* attempts = nullptr);

    /// From now on each commit has one attempt. Any strand. Who waits comes back before destruction.
    void stop() { stop_.raise(); }

    /// What keeps anyone waiting; store_unavailable before store_full. Any thread.
    Pause paused() const;

    /// True for the refusals that another attempt may change.
    static bool passes(const store::CommitResult& outcome) {
        return !outcome && (outcome.error().code == store::errc::full ||
                            outcome.error().code == store::errc::unavailable);
    }

  private:
    aio::awaitable<std::vector<store::CommitResult>> write(std::span<store::Commit> commits);
    aio::awaitable<void> retry(std::vector<store::Commit>& commits,
                               std::vector<store::CommitResult>& outcomes, Full full, Attempts* attempts);
    void note(Pause before, Pause now);

    const aio::Strand core_;
    store::EventStore& store_;
    FeedHub& hub_;
    aio::Stop stop_;
    std::array<std::atomic<std::size_t>, 3> waiting_{};  // callers, by Pause
};

}  // namespace stepcast::flow

#include "flow/committer.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <utility>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "flow/kill_point.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;

using Full = Committer::Full;

const KillPoint after_commit{"after-commit"};

bool is_tried_again(const store::CommitResult& outcome, Full full) {
    return Committer::passes(outcome) && (full == Full::waits || outcome.error().code != store::errc::full);
}

Committer::Pause pause_of(const store::CommitResult& outcome, Full full) {
    if (!is_tried_again(outcome, full)) return Committer::Pause::none;
    return outcome.error().code == store::errc::full ? Committer::Pause::store_full
                                                     : Committer::Pause::store_unavailable;
}

// Of several outcomes, what is to be told: an unavailable store may be full besides.
Committer::Pause pause_of(std::span<const store::CommitResult> outcomes, Full full) {
    auto pause = Committer::Pause::none;
    for (const auto& outcome : outcomes) pause = std::max(pause, pause_of(outcome, full));
    return pause;
}

}  // namespace

aio::awaitable<std::vector<store::CommitResult>> Committer::commit(std::vector<store::Commit>& commits,
                                                                   Full full, Attempts* attempts) {
    auto outcomes = co_await write(commits);
    if (pause_of(outcomes, full) != Pause::none) co_await retry(commits, outcomes, full, attempts);
    co_return outcomes;
}

aio::awaitable<store::CommitResult> Committer::commit(store::Commit commit, Full full, Attempts* attempts) {
    return aio::run_on(
        core_,
        [this, commit = std::move(commit), full, attempts]() mutable -> aio::awaitable<store::CommitResult> {
            std::vector<store::Commit> one;
            one.push_back(std::move(commit));
            auto outcomes = co_await this->commit(one, full, attempts);
            co_return std::move(outcomes.front());
        });
}

aio::awaitable<std::vector<store::CommitResult>> Committer::write(std::span<store::Commit> commits) {
    if (commits.empty()) co_return std::vector<store::CommitResult>{};
    const auto began = std::chrono::steady_clock::now();
    auto outcomes = co_await store_.commit_many(commits);
    after_commit.pass();
    event::Position last = 0;
    for (const auto& outcome : outcomes)
        if (outcome) last = std::max(last, outcome->position);
    hub_.note_commit(began, last);
    co_return outcomes;
}

aio::awaitable<void> Committer::retry(std::vector<store::Commit>& commits,
                                      std::vector<store::CommitResult>& outcomes, Full full,
                                      Attempts* attempts) {
    if (attempts != nullptr) attempts->assign(commits.size(), 1);
    std::vector<store::Commit> left;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (!is_tried_again(outcomes[i], full)) continue;
        left.push_back(std::move(commits[i]));
        places.push_back(i);
    }
    Pause pause = pause_of(outcomes, full);
    note(Pause::none, pause);
    aio::Backoff backoff{50ms, 1s};
    while (!left.empty() && co_await stop_.pause(backoff.next())) {
        auto again = co_await write(left);
        note(pause, pause_of(again, full));
        pause = pause_of(again, full);
        if (attempts != nullptr)
            for (const auto place : places) ++(*attempts)[place];
        std::size_t kept = 0;
        for (std::size_t i = 0; i < again.size(); ++i) {
            const bool stays = is_tried_again(again[i], full);
            if (stays && kept != i) left[kept] = std::move(left[i]);
            if (stays)
                places[kept++] = places[i];
            else
                outcomes[places[i]] = std::move(again[i]);
        }
        left.resize(kept);
        places.resize(kept);
    }
    note(pause, Pause::none);
}

Committer::Pause Committer::paused() const {
    for (const auto pause : {Pause::store_unavailable, Pause::store_full})
        if (waiting_[static_cast<std::size_t>(pause)].load(std::memory_order_relaxed) != 0) return pause;
    return Pause::none;
}

// A caller waits for another reason than before.
void Committer::note(Pause before, Pause now) {
    if (before == now) return;
    const auto told = paused();
    if (now != Pause::none) waiting_[static_cast<std::size_t>(now)].fetch_add(1, std::memory_order_relaxed);
    if (before != Pause::none)
        waiting_[static_cast<std::size_t>(before)].fetch_sub(1, std::memory_order_relaxed);
    if (paused() == told) return;
    if (paused() == Pause::store_full)
        spdlog::warn(
            "the store is at its bound and holds nothing that may go: nothing is taken until something "
            "expires");
    else if (paused() == Pause::none && !stop_.raised())
        spdlog::info("the store takes events again");
}

}  // namespace stepcast::flow

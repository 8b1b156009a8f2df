#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "aio/gate.hpp"
#include "aio/types.hpp"
#include "broadcast/lane_stats.hpp"
#include "broadcast/session.hpp"

namespace stepcast::broadcast {

/// The sessions that live on a lane: who is in, by which id, and why each closes. On the lane's strand.
class LaneSessions {
  public:
    /// `stats` outlives this.
    LaneSessions(const aio::Strand& strand, LaneStats& stats) : stats_{stats}, gate_{strand} {}
    ~LaneSessions();

    /// Takes a session in and gives it its id. Empty, and nothing is done, once they drain.
    aio::Gate::Hold enter(Session& session);
    /// Closes a session and forgets it. Its id names nobody from then on.
    void remove(Session& session);

    bool empty() const { return count_ == 0; }
    /// Null if it is gone.
    Session* find(SessionId id) const {
        if (id.slot >= slots_.size() || slots_[id.slot].generation != id.generation) return nullptr;
        return slots_[id.slot].session;
    }
    /// Calls `visit` with each; it may close sessions, and none leaves meanwhile.
    template <class Visit>
    void for_each(Visit visit) {
        for (const Slot& slot : slots_)
            if (slot.session != nullptr) visit(*slot.session);
    }
    /// The same with those in the next `most` places from `from` on. Where to go on, if there are further
    /// ones; between two calls sessions may come and go.
    template <class Visit>
    std::optional<std::size_t> for_some(std::size_t from, std::size_t most, Visit visit) {
        const std::size_t end = std::min(slots_.size(), from + most);
        for (; from < end; ++from)
            if (slots_[from].session != nullptr) visit(*slots_[from].session);
        return end < slots_.size() ? std::optional{end} : std::nullopt;
    }

    /// Closes a session, counted under `reason`; nothing if it is closing already.
    void close(Session& session, CloseReason reason);
    void close_all(CloseReason reason);
    /// Closes a session that ends, if everything is sent.
    void end_if_sent(Session& session) {
        if (session.state_ == Session::State::ending && session.outbox_.empty() &&
            session.first_pending_ == Session::none)
            close_sent(session);
    }

    /// Lets no session in any more.
    void drain() { draining_ = true; }
    bool draining() const { return draining_; }
    /// Waits until all have gone, and the holds too; closes at `deadline` what is left by then.
    aio::awaitable<void> drained(std::chrono::steady_clock::time_point deadline);
    /// Keeps `drained` waiting. Empty once that has begun.
    aio::Gate::Hold hold() { return gate_.enter(); }

  private:
    void close_sent(Session& session);

    struct Slot {
        Session* session = nullptr;
        std::uint32_t generation = 0;
    };

    LaneStats& stats_;
    aio::Gate gate_;
    bool draining_ = false;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::size_t count_ = 0;
};

}  // namespace stepcast::broadcast

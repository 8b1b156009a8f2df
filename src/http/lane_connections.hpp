#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <list>
#include <string>
#include <string_view>

#include "aio/gate.hpp"
#include "aio/notice.hpp"
#include "http/budget.hpp"
#include "http/handshake_turns.hpp"
#include "http/message.hpp"
#include "http/router.hpp"
#include "http/server_options.hpp"

namespace stepcast::http {

class Connection;

/// What the server has seen. Any thread.
struct ServerStats {
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> refused{0};  ///< beyond max_connections
    std::atomic<std::uint64_t> evicted{0};  ///< idle ones closed for those beyond max_connections
    std::atomic<std::uint64_t> accept_errors{0};
    std::atomic<std::size_t> open{0};  ///< connections that speak HTTP; a stream that was taken over is none
    std::atomic<std::size_t> refusing{0};  ///< being told that there are too many; not in `open`
};

/// Beyond the limit, this many are told so with a proper answer; more are dropped, or the refusals would be
/// the overload.
inline constexpr std::size_t max_refusals = 256;

/// What a new connection finds.
enum class Room : std::uint8_t {
    free,
    of_idle,  ///< none, unless an idle one is closed
    none,     ///< it is told so
};

/// What a connection is doing; each phase but `answering` has one fixed time limit, so a list per phase is
/// sorted by due time.
enum class Phase : std::uint8_t {
    idle,
    greeting,  ///< a TLS client that has said nothing yet
    head,
    body,
    answering,
    writing,
    lingering,
};
inline constexpr std::size_t phase_count = 7;

/// The connections of one lane: their deadlines, and what they share so that an idle one needs little of its
/// own. All calls on the lane's strand, except `adopt`.
class LaneConnections {
  public:
    struct Entry {
        Connection* connection;
        std::chrono::steady_clock::time_point due;
    };
    using Place = std::list<Entry>::iterator;

    LaneConnections(broadcast::Lane& lane, const Router& router, const ServerOptions& options,
                    ServerStats& stats, Budgets& budgets);

    /// Any thread. Serves the transport, whose executor is this lane's strand, until its end.
    void adopt(aio::Transport transport, Room room);
    /// Any thread. How many connections are idle or have said nothing yet, with those on their way to the
    /// lane; a moment ago. Whoever is adopted later comes behind those.
    std::size_t idle() const {
        return idle_.load(std::memory_order_relaxed) + coming_.load(std::memory_order_relaxed);
    }

    /// Starts the sweep that holds the deadlines.
    void start();
    /// Closes idle connections; others close after the answer they are at.
    void begin_stop();
    /// Waits until all are gone; at `deadline` cuts what is left and gives it a second more. True if all are
    /// gone.
    awaitable<bool> finish_stop(std::chrono::steady_clock::time_point deadline);
    bool stopping() const { return stopping_; }

    Place enter(Connection& connection);
    void move(Place place, Phase from, Phase to);
    void leave(Place place, Phase phase);

    broadcast::Lane& lane() const { return lane_; }
    const aio::Strand& strand() const;
    const Router& router() const { return router_; }
    const ServerOptions& options() const { return options_; }
    Budgets& budgets() const { return budgets_; }
    /// A line in the log about what a peer did; at most one a second.
    void complain(const Peer& peer, std::string_view what);
    HandshakeTurns& handshakes() { return handshakes_; }

    /// Room for one read. Valid until the next suspension.
    std::array<char, 16 * 1024>& read_buffer() { return read_buffer_; }
    /// Empty text to write a response's head into. Valid until the next suspension.
    std::string& head_buffer();
    /// What was written there last, under the same condition.
    const std::string& written_head() const { return head_buffer_; }
    std::string_view date();

  private:
    awaitable<void> serve(aio::Transport transport, Room room);
    bool close_longest_idle();
    void tell(std::list<Entry>& list, std::list<Entry>::iterator entry);
    void count_idle();
    awaitable<void> sweep();
    void expire_due(std::chrono::steady_clock::time_point now);
    std::chrono::steady_clock::duration limit_of(Phase phase) const;

    broadcast::Lane& lane_;
    const Router& router_;
    const ServerOptions& options_;
    ServerStats& stats_;
    Budgets& budgets_;
    HandshakeTurns handshakes_{32, 256};
    aio::Notice sweep_end_;
    std::array<std::list<Entry>, phase_count> phases_;
    std::atomic<std::size_t> idle_{0};
    std::atomic<std::size_t> coming_{0};  // adopted to be served, and not there yet
    std::array<char, 16 * 1024> read_buffer_;
    std::string head_buffer_;
    std::string date_;
    std::time_t date_second_ = -1;
    std::chrono::steady_clock::time_point complained_;
    bool stopping_ = false;
    bool stopped_ = false;
    aio::Gate sweep_gate_;
    aio::Gate gate_;
};

}  // namespace stepcast::http

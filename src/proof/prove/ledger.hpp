#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "proof/load/verifier.hpp"

namespace stepcast::proof {

/// What was published and what was answered: the side of the truth that no server can touch. Pure: knows no
/// socket and no clock. Every user works on one task after the other, and every event waits for the answer to
/// the one before it; so the order of publishing is known.
class Ledger {
  public:
    enum class State : std::uint8_t {
        under_way,     ///< posted, and perhaps again, without an answer that settles it
        acknowledged,  ///< answered 2xx: it must arrive
        refused,       ///< answered by another status that a repeat would not change
        given_up       ///< nobody answered until the end of the run: it may arrive or not
    };
    enum class Kind : std::uint8_t { started, progress, completed };

    struct Entry {
        std::uint32_t user = 0;
        std::uint32_t task = 0;
        std::uint32_t step = 0;
        std::uint32_t attempts = 0;
        Kind kind = Kind::progress;
        State state = State::under_way;
        bool large = false;
        std::uint64_t first_at = 0;     ///< monotonic, ns
        std::uint64_t answered_at = 0;  ///< of the answer that settled it
    };

    /// What a delivered event or state turned out to be.
    struct Recognised {
        std::uint32_t event = Seen::foreign;
        std::uint32_t task = 0;
        std::uint64_t version = 0;  ///< 0: it has none
        bool intact = false;        ///< all that was published stands in it unchanged
    };

    /// Steps of a task: the first users have long ones. Each is at least 2.
    struct TaskLengths {
        std::uint32_t steps = 12;
        std::uint32_t users_with_long = 0;
        std::uint32_t long_steps = 1000;
    };

    /// `token` makes all ids this run's own. `wall` is the wall clock at `now`, monotonic ns.
    Ledger(std::string token, std::uint32_t users, TaskLengths lengths, Timestamp wall, std::uint64_t now);

    /// The user's next event; empty while one is under way. `large`: with several KiB of detail.
    std::optional<std::uint32_t> next(std::uint32_t user, std::uint64_t now, bool large = false);
    /// The end of the user's task; empty if there is none running or an event is under way.
    std::optional<std::uint32_t> finish(std::uint32_t user, std::uint64_t now);
    bool is_busy(std::uint32_t user) const { return users_[user].busy; }

    void attempted(std::uint32_t event) { ++entries_[event].attempts; }
    /// `status` 0: the connection broke, nobody knows. True if the same event must be posted again.
    bool answered(std::uint32_t event, int status, std::uint64_t now);
    /// The run is over: what is still under way is given up.
    void give_up();

    std::string body(std::uint32_t event) const;
    std::string user_id(std::uint32_t user) const;
    std::string task_id(std::uint32_t task) const;
    std::string event_id(std::uint32_t event) const;

    /// Compares a delivered event (or, with `state`, a recovery, which has no timestamp of its own) with what
    /// was published for that user.
    Recognised recognise(std::string_view data, std::uint32_t user, bool state = false) const;
    Recognised recognise(const boost::json::object& delivered, std::uint32_t user, bool state = false) const;

    const std::vector<Entry>& entries() const { return entries_; }
    std::size_t count(State state) const;
    std::uint64_t retries() const;
    std::size_t tasks() const { return user_of_task_.size(); }
    std::uint32_t user_of(std::uint32_t task) const { return user_of_task_[task]; }
    std::vector<std::uint32_t> tasks_of(std::uint32_t user) const;
    /// The newest acknowledged event of a user.
    std::optional<std::uint32_t> last_acknowledged(std::uint32_t user) const { return users_[user].last; }
    /// For the verifier, by the index of the event.
    std::vector<Published> published() const;

  private:
    struct User {
        std::optional<std::uint32_t> task;  // that runs
        std::optional<std::uint32_t> last;
        std::uint32_t step = 0;
        bool busy = false;
    };

    std::uint32_t steps_of(std::uint32_t user) const;
    std::uint32_t add(std::uint32_t user, Kind kind, std::uint64_t now, bool large);

    std::string token_;
    TaskLengths lengths_;
    Timestamp wall_;
    std::uint64_t began_;
    std::vector<User> users_;
    std::vector<std::uint32_t> user_of_task_;
    std::vector<Entry> entries_;
};

}  // namespace stepcast::proof

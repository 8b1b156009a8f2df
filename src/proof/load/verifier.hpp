#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stepcast::proof {

/// One thing that a subscriber was sent. Tasks and published events are named by their index in the run.
struct Seen {
    enum class Kind : std::uint8_t {
        event,      ///< one event of a task
        recovery,   ///< a task's state at `version`
        reset,      ///< "events may have been missed": the recoveries that follow are complete
        new_epoch,  ///< a reset into another history: versions and positions may begin anew
        settled     ///< the end of the recoveries that belong to a reset
    };
    /// An event that the run did not publish (another writer's, or an id it cannot read).
    static constexpr std::uint32_t foreign = UINT32_MAX;

    Kind kind = Kind::event;
    bool intact = true;  ///< it says what was published; false: other values, or nothing that was published
    std::uint32_t task = 0;
    std::uint32_t event = foreign;
    std::uint32_t epoch = 0;     ///< which history the position counts in; 0: not known
    std::uint64_t version = 0;   ///< 0: the server does not number
    std::uint64_t position = 0;  ///< of the SSE id; only events have one; 0: not known
    std::uint64_t at = 0;        ///< when it came, on the clock of `Published::acknowledged_at`
};

/// What one logical client saw, over all its connections, in the order it saw it.
struct SubscriberLog {
    std::vector<Seen> seen{};
    std::vector<std::uint32_t> tasks;  ///< all that it subscribed to, from before their first event
    bool stalled = false;              ///< it did not read for a while, so events may have been thinned out
    /// It was subscribed before the first event: without a reset no recovery excuses anything.
    bool from_start = false;
    std::string name{};  ///< for examples; empty: "subscriber N"
};

/// One event that the run tried to publish.
struct Published {
    std::uint32_t task = 0;
    bool acknowledged = false;          ///< answered 2xx: it must arrive. Otherwise it may.
    bool milestone = false;             ///< STARTED, COMPLETED or FAILED: never thinned out
    bool last = false;                  ///< the last event of its task
    std::uint64_t acknowledged_at = 0;  ///< when the answer came
};

/// How strictly to judge.
struct Rules {
    /// How far the server's `sse_coalesced_total` rose during the run; a jump that a stalled reader saw
    /// counts as thinned while this budget lasts. Readers that did not stall may see no jump at all.
    std::uint64_t coalesced = 0;
    /// Each task's events were published one after the other, each after the answer to the one before: they
    /// must come in the order of their indices.
    bool in_publishing_order = false;
    /// Logs that are not judged but tell which version an event has: what the store itself lists.
    std::span<const SubscriberLog> also_learn_from{};
};

/// The judgement over a run. `clean` is the promise: every acknowledged event reached every subscriber of its
/// task once, unchanged and in order, or its absence was announced, or it was thinned out of a stalled
/// reader's outbox and counted there.
struct Verdict {
    std::uint64_t deliveries = 0;
    std::uint64_t lost = 0;         ///< acknowledged events that a subscriber never saw, without a word
    std::uint64_t twice = 0;        ///< a version or an event that a subscriber saw again
    std::uint64_t silent_gaps = 0;  ///< jumps that nobody announced or counted: in a task's versions, between
                                    ///< histories, or, where versions are not known, over lost events
    std::uint64_t out_of_order = 0;       ///< positions, versions or, by the rules, events that fell
    std::uint64_t corrupted = 0;          ///< frames that say something other than what was published
    std::uint64_t thinned = 0;            ///< versions missing from stalled readers and counted by the server
    std::uint64_t announced = 0;          ///< acknowledged events missing after a word that said so
    std::vector<std::string> examples{};  ///< the first few faults, for people

    bool clean() const {
        return lost == 0 && twice == 0 && silent_gaps == 0 && out_of_order == 0 && corrupted == 0;
    }
    /// "0 lost, 0 twice, 0 silent gaps, 0 out of order, 0 corrupted".
    std::string text() const;
};

Verdict verify(std::span<const SubscriberLog> subscribers, std::span<const Published> published,
               const Rules& rules);

}  // namespace stepcast::proof

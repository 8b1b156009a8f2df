#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stepcast::proof {

/// One thing that a subscriber was sent. Tasks and published events are named by their index in the run.
struct Seen {
    enum class Kind : std::uint8_t {
        event,     ///< one event of a task
        recovery,  ///< a task's state at `version`
        reset      ///< "events may have been missed": the recoveries that follow are complete
    };
    /// An event that the run did not publish (another writer's, or an id it cannot read).
    static constexpr std::uint32_t foreign = UINT32_MAX;

    Kind kind = Kind::event;
    std::uint32_t task = 0;
    std::uint32_t event = foreign;
    std::uint64_t version = 0;
    std::uint64_t position = 0;  ///< of the SSE id; only events have one
};

/// What one logical client saw, over all its connections, in the order it saw it.
struct SubscriberLog {
    std::vector<Seen> seen;
    std::vector<std::uint32_t> tasks;  ///< all that it subscribed to, from before their first event
    bool stalled = false;              ///< it did not read for a while, so events may have been thinned out
};

/// One event that the run tried to publish.
struct Published {
    std::uint32_t task = 0;
    bool acknowledged = false;  ///< answered 2xx: it must arrive. Otherwise it may.
    bool milestone = false;     ///< STARTED, COMPLETED or FAILED: never thinned out
};

/// The judgement over a run. `clean` is the promise: every acknowledged event reached every subscriber of its
/// task once and in order, or its absence was announced, or it was thinned out of a stalled reader's outbox
/// and counted there.
struct Verdict {
    std::uint64_t deliveries = 0;
    std::uint64_t lost = 0;               ///< acknowledged events that a subscriber never saw, without a word
    std::uint64_t twice = 0;              ///< a version or an event that a subscriber saw again
    std::uint64_t silent_gaps = 0;        ///< jumps in a task's versions that nobody announced or counted
    std::uint64_t out_of_order = 0;       ///< positions or versions that fell
    std::uint64_t thinned = 0;            ///< versions missing from stalled readers and counted by the server
    std::uint64_t announced = 0;          ///< versions missing after a reset that said so
    std::vector<std::string> examples{};  ///< the first few faults, for people

    bool clean() const { return lost == 0 && twice == 0 && silent_gaps == 0 && out_of_order == 0; }
    /// "0 lost, 0 twice, 0 silent gaps, 0 out of order".
    std::string text() const;
};

/// `coalesced`: how far the server's `sse_coalesced_total` rose during the run; a jump that a stalled reader
/// saw counts as thinned while this budget lasts. Readers that did not stall may see no jump at all.
Verdict verify(std::span<const SubscriberLog> subscribers, std::span<const Published> published,
               std::uint64_t coalesced);

}  // namespace stepcast::proof

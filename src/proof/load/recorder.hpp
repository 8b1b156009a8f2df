#pragma once
#include <cstdint>
#include <vector>

#include "proof/load/latencies.hpp"
#include "proof/load/run.hpp"
#include "proof/load/swarm.hpp"
#include "proof/load/verifier.hpp"

namespace stepcast::proof {

/// Writes down all that every subscriber of a run sees, for the verifier. User i has one task, number i.
class Recorder final : public SwarmSink {
  public:
    /// Subscriber i of the swarm follows user i modulo `users`.
    Recorder(Run& run, std::uint32_t users, std::uint32_t clients);

    /// Announces an event that is about to be posted; `answered` tells how that went.
    std::uint64_t publish(std::uint32_t user, bool milestone, std::uint64_t now);
    void answered(std::uint64_t sequence, int status);
    /// From here on a `finale` is the last event of every user.
    void expect_finale(std::uint64_t first_sequence) { finale_ = first_sequence; }

    std::uint64_t published() const { return published_.size(); }
    std::uint64_t acknowledged() const { return acknowledged_; }
    std::uint64_t refused() const { return refused_; }
    std::uint64_t resets() const { return resets_; }
    std::uint64_t deliveries() const { return deliveries_; }
    /// How many subscribers have seen their user's last event.
    std::size_t finished() const { return finished_; }

    /// Whether a subscriber counts as stalled: it may be thinned, and its latencies do not count.
    void set_stalled(std::uint32_t subscriber) { logs_[subscriber].stalled = true; }
    Latencies& latencies() { return latencies_; }
    void forget_latencies() { latencies_ = {}; }

    /// Subscribers whose connection the server has ended since the last call.
    std::vector<Subscriber*> take_closed() { return std::exchange(closed_, {}); }
    std::uint64_t closed() const { return closed_count_; }
    std::uint64_t refused_streams() const { return refused_streams_; }

    Verdict judge(std::uint64_t coalesced) const {
        return verify(logs_, published_, {.coalesced = coalesced});
    }

    void on_frame(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) override;
    void on_closed(Subscriber& subscriber, int status) override;

  private:
    void record_event(std::uint32_t index, const FrameView& frame, std::uint64_t now);

    Run& run_;
    std::vector<SubscriberLog> logs_;
    std::vector<Published> published_;
    std::vector<std::uint64_t> published_at_;
    std::vector<Subscriber*> closed_;
    Latencies latencies_;
    std::uint64_t finale_ = UINT64_MAX;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t resets_ = 0;
    std::uint64_t deliveries_ = 0;
    std::uint64_t closed_count_ = 0;
    std::uint64_t refused_streams_ = 0;
    std::size_t finished_ = 0;
};

/// The position of an id `epoch.position`; 0 for ids of another shape.
std::uint64_t position_of(std::string_view id);

}  // namespace stepcast::proof

#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "proof/load/latencies.hpp"
#include "proof/load/run.hpp"
#include "proof/load/swarm.hpp"

namespace stepcast::proof {

/// Counts and times the deliveries of a run whose users have one task each, and checks every stream on the
/// way: positions and versions rise without a jump, and at the end each stream has had each event of its user
/// exactly once.
class Meter final : public SwarmSink {
  public:
    /// Called when an event has reached all its subscribers.
    using OnComplete = std::function<void(std::uint64_t sequence)>;

    /// Subscriber i follows user i modulo `users`.
    Meter(Run& run, std::uint32_t users, std::uint32_t clients);

    void on_complete(OnComplete call) { on_complete_ = std::move(call); }
    /// Keep every delivery's latency, publish to receive.
    void keep_latencies() { keep_latencies_ = true; }

    /// Announces the next event: `user`'s, expected by all its streams. Returns its sequence.
    std::uint64_t expect(std::uint32_t user, std::uint64_t now);

    std::uint64_t deliveries() const { return deliveries_; }
    std::uint64_t published() const { return published_at_.size(); }
    std::uint64_t completed() const { return completed_; }
    void forget_figures();

    /// Adds lost, twice, gaps and order to `figures`, judged by what was expected until now. Subscribers that
    /// stall are left out. True if all is well.
    bool judge(Figures& figures) const;
    Latencies& latencies() { return latencies_; }

    void on_frame(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) override;
    void on_closed(Subscriber& subscriber, int status) override;
    std::uint64_t closed() const { return closed_; }

  private:
    struct Stream {
        std::uint64_t events = 0;
        std::uint64_t sum = 0;  // of sequences: with the count it tells a lost one from a doubled one
        std::uint64_t version = 0;
        std::uint64_t position = 0;
    };
    struct Expected {
        std::uint64_t events = 0;
        std::uint64_t sum = 0;
        std::uint32_t streams = 0;
    };

    void check_order(Stream& stream, const FrameView& frame);

    Run& run_;
    std::uint32_t users_;
    std::vector<Stream> streams_;
    std::vector<Expected> expected_;
    std::vector<std::uint64_t> published_at_;  // by sequence
    std::vector<std::uint32_t> remaining_;     // by sequence
    Latencies latencies_;
    OnComplete on_complete_;
    std::uint64_t deliveries_ = 0;
    std::uint64_t completed_ = 0;
    std::uint64_t closed_ = 0;
    std::uint64_t gaps_ = 0;
    std::uint64_t out_of_order_ = 0;
    bool keep_latencies_ = false;
};

}  // namespace stepcast::proof

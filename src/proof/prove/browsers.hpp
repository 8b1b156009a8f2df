#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proof/load/latencies.hpp"
#include "proof/load/swarm.hpp"
#include "proof/load/verifier.hpp"
#include "proof/prove/ledger.hpp"
#include "proof/prove/target.hpp"

namespace stepcast::proof {

/// Subscribers that behave as a browser's EventSource does: they come back after `retry:` with the last id
/// that they saw, 204 ends them in peace, any other answer but an event stream ends them for good. All that
/// they are sent is written down for the verifier.
class Browsers final : public SwarmSink {
  public:
    /// Subscriber i follows user i modulo `users`; the first `may_stall` have small buffers.
    Browsers(Loop& loop, const Target& server, const ProveTarget& target, const Ledger& ledger,
             std::uint32_t count, std::uint32_t users, std::uint32_t may_stall);

    /// Opens every stream and waits until each was told where it stands. False if one does not begin.
    bool open_all(std::uint64_t limit_ns);
    /// Opens what is due. Call it every millisecond or so.
    void tick(std::uint64_t now);

    /// The network fails: the subscriber notices at once and comes back.
    void cut(std::uint32_t subscriber, std::uint64_t now);
    void stall(std::uint32_t subscriber);
    void go_on(std::uint32_t subscriber);

    std::size_t streaming() const { return swarm_.streaming(); }
    std::size_t size() const { return swarm_.size(); }
    std::uint64_t last_opened_at() const { return last_opened_at_; }
    std::uint64_t deliveries() const { return deliveries_; }
    std::uint64_t resets() const { return resets_; }
    /// Of the resets, those into another history.
    std::uint64_t epoch_resets() const { return epoch_resets_; }
    std::uint64_t reconnects() const { return reconnects_; }
    std::uint64_t cuts() const { return cuts_; }
    std::uint64_t ended() const { return ended_; }
    std::uint64_t refused() const { return refused_; }
    /// How many have not yet seen the newest acknowledged event of their user.
    std::size_t behind() const;
    Latencies& latencies() { return latencies_; }

    /// All logs, with the tasks of their users. Ends the recording.
    std::vector<SubscriberLog> take_logs();
    /// A number for an id's epoch, the same for the same text.
    std::uint32_t epoch_number(std::string_view id);
    /// Of the history that was heard of last.
    std::uint32_t newest_epoch() const { return static_cast<std::uint32_t>(epochs_.size()); }

    void on_frame(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) override;
    void on_closed(Subscriber& subscriber, int status) override;
    void on_open(Subscriber& subscriber, std::uint64_t now) override;

  private:
    struct Browser {
        std::uint64_t retry_ns = 3'000'000'000;  // what browsers take where the server asks for nothing
        std::optional<std::uint32_t> newest;     // event
        std::size_t last_reset = 0;              // where in the log, + 1; 0: none that waits for its end
        bool is_over = false;
    };

    std::uint32_t user_of(const Subscriber& subscriber) const { return subscriber.index() % users_; }
    void plan_open(Subscriber& subscriber, std::uint64_t now);
    void record_event(Subscriber& subscriber, const FrameView& frame, std::uint64_t now);
    void record_recovery(Subscriber& subscriber, const FrameView& frame, std::uint64_t now);
    void record_reset(Subscriber& subscriber, const FrameView& frame, std::uint64_t now);
    void settle(Subscriber& subscriber, const FrameView& frame, std::uint64_t now);

    const Ledger& ledger_;
    bool stepcast_;
    std::uint32_t users_;
    std::vector<Browser> browsers_;
    std::vector<SubscriberLog> logs_;
    std::multimap<std::uint64_t, Subscriber*> due_;
    std::map<std::string, std::uint32_t, std::less<>> epochs_;
    Latencies latencies_;
    std::uint64_t last_opened_at_ = 0;
    std::uint64_t deliveries_ = 0;
    std::uint64_t resets_ = 0;
    std::uint64_t epoch_resets_ = 0;
    std::uint64_t reconnects_ = 0;
    std::uint64_t cuts_ = 0;
    std::uint64_t ended_ = 0;
    std::uint64_t refused_ = 0;
    Swarm swarm_;  // last: its subscribers call us until they are gone
};

}  // namespace stepcast::proof

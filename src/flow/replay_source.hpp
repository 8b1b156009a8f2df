#pragma once
#include "flow/replay.hpp"

namespace stepcast::flow {

/// What a module tells one subscriber: the events of its subscription, and the states of its streams from a
/// projection. One object for each subscriber, on the core strand; each call reads what stands at that
/// moment, and may suspend.
class Recoveries {
  public:
    virtual ~Recoveries() = default;

    /// False while the state is being rebuilt: the subscriber waits. Any thread.
    virtual bool live() const = 0;
    /// What holds now.
    virtual Replay::Moment moment() const = 0;
    /// The store's head, as it is now.
    virtual aio::awaitable<result<Replay::Head>> head() = 0;
    /// The subscription's events, by position.
    virtual aio::awaitable<result<store::Page>> read(store::Range range) = 0;

    /// Notes whose states are due, those with events behind `since`, at least all that have them when the
    /// call begins; a list begun before is dropped.
    virtual aio::awaitable<result<Replay::Begun>> begin(RecoveryReason reason, event::Position since) = 0;
    /// The next of them as it stands now; none: that was all. Its position is not above what is applied.
    virtual aio::awaitable<result<std::optional<Recovery>>> next_due() = 0;
    /// The next state that turned without an event (a task that stalled, or moves again) since it was told
    /// here, or announced before the cursor; none: no further one.
    virtual aio::awaitable<result<std::optional<Recovery>>> next_turned() = 0;

    /// As in `broadcast::StreamSource`; on the session's lane.
    virtual bool ends_with(const event::Event& event) const = 0;
    virtual bool admits(const event::Event& event) const = 0;
    virtual bool inspects() const { return true; }
};

/// A subscriber's past: performs on the core strand what `Replay` asks for. The session's lane owns it.
class ReplaySource final : public broadcast::StreamSource {
  public:
    /// `cursor`: what the client sent; empty: nothing.
    ReplaySource(aio::Strand core, std::unique_ptr<Recoveries> recoveries, std::string cursor)
        : core_{std::move(core)}, recoveries_{std::move(recoveries)}, replay_{std::move(cursor)} {}

    aio::awaitable<broadcast::CatchUp> next() override;
    bool ends_with(const event::Event& event) const override { return recoveries_->ends_with(event); }
    bool admits(const event::Event& event) const override { return recoveries_->admits(event); }
    bool inspects() const override { return recoveries_->inspects(); }

  private:
    aio::awaitable<Replay::Action> perform(Replay::Action action);

    const aio::Strand core_;
    const std::unique_ptr<Recoveries> recoveries_;
    Replay replay_;
};

}  // namespace stepcast::flow

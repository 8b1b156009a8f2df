#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "event/upcaster.hpp"
#include "store/store.hpp"

namespace stepcast::flow {

/// The state of one stream as its domain folds it. Pure: no I/O, no clock, no randomness.
class Aggregate {
  public:
    virtual ~Aggregate() = default;

    /// Moves the state by one event. `body` is what Event::body() gives, as today's schema would have written
    /// it.
    virtual void evolve(const event::Event& event, std::string_view body) = 0;
    /// The state as a text for a snapshot.
    virtual std::string save() const = 0;
    /// Takes what `save` gave, under the same schema, in the place of a new state. False: it cannot be read.
    virtual bool restore(std::string_view saved) = 0;
};

/// What a domain says of the streams of one category.
struct AggregateKind {
    const event::Category* category = nullptr;    ///< outlives everything
    const event::Upcasters* upcasters = nullptr;  ///< the same
    std::uint32_t schema = 1;          ///< of what `save` writes; a saved state of another is passed over
    std::uint32_t snapshot_every = 0;  ///< events; 0: no snapshots
    std::function<std::unique_ptr<Aggregate>()> make;  ///< the state before the first event
};

/// The state of a stream at a version.
struct Loaded {
    std::unique_ptr<Aggregate> state;
    event::Version version = 0;  ///< 0: no such stream
};

/// Reads the states of one category's streams: the newest usable snapshot, then the events behind it. On the
/// core strand.
class AggregateReader {
  public:
    /// `store` outlives the reader.
    AggregateReader(store::EventStore& store, AggregateKind kind) : store_{store}, kind_{std::move(kind)} {}

    /// The state after the event with version `through`, or after the last one. store::errc::trimmed if
    /// events that it needs were folded into a snapshot that is not usable,
    /// event::schema_errc::unknown_schema if a newer program wrote one of them.
    aio::awaitable<result<Loaded>> load(std::string_view stream_id, event::Version through = UINT64_MAX);

    /// The newest usable snapshot of at most `through` alone: version 0 without one.
    aio::awaitable<result<Loaded>> load_snapshot(std::string_view stream_id,
                                                 event::Version through = UINT64_MAX);

    /// Moves a state by one event, whatever schema it was written in.
    result<void> evolve(Loaded& loaded, const event::Event& event);
    /// What a commit saves beside the events that led to this state.
    store::SnapshotDraft save(const std::string& stream_id, const Loaded& loaded) const;

    const AggregateKind& kind() const { return kind_; }
    /// Snapshots that were damaged, or of another schema, and passed over.
    std::uint64_t passed_over() const { return passed_over_; }

  private:
    bool restore(Loaded& loaded, const store::Snapshot& snapshot) const;

    store::EventStore& store_;
    const AggregateKind kind_;
    std::string scratch_;
    std::uint64_t passed_over_ = 0;
};

}  // namespace stepcast::flow

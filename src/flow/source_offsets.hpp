#pragma once
#include <optional>
#include <string>
#include <vector>

#include "bus/bus.hpp"
#include "store/store.hpp"

namespace stepcast::flow {

/// Which records of a topic a consumer has had, as the store keeps it with what they caused. An offset stands
/// for every record below it: behind one that was given up the partition's offset moves only once that one is
/// buried. On the core strand.
class SourceOffsets {
  public:
    /// An empty consumer keeps nothing: no commit carries an offset.
    SourceOffsets(std::string consumer, std::string topic)
        : consumer_{std::move(consumer)}, topic_{std::move(topic)} {}

    /// Asks the store. Again after an error.
    aio::awaitable<result<void>> load(store::EventStore& store);
    /// Where reading goes on; those without an offset are absent.
    std::vector<store::PartitionOffset> next() const;
    bool keeps_nothing() const { return consumer_.empty(); }

    /// The records of a batch, in order, once each: what the commit of a record carries, or nothing. One that
    /// is handed over again was counted when it was given up.
    std::optional<store::SourceOffset> take(const bus::Place& place);
    /// A record of the batch, taken or about to be, will not be committed.
    void give_up(const bus::Place& place);
    /// Every record of the batch is committed or buried: what moves the offsets that no commit has moved.
    std::vector<store::Commit> moves() const;
    /// The batch and its moves are written.
    void settle();
    /// The batch is abandoned: its records are given again.
    void forget() { batch_.clear(); }

  private:
    // One partition of the batch.
    struct Part {
        bus::Place last;
        bool given_up = false;
    };

    Part& part(const bus::Place& place);
    store::SourceOffset offset_of(const bus::Place& place) const;

    const std::string consumer_;
    const std::string topic_;
    std::vector<std::int64_t> stored_;  // by partition; -1: none
    std::vector<Part> batch_;
};

}  // namespace stepcast::flow

#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <map>

#include "base/hash.hpp"
#include "store/memory/change_log.hpp"

namespace stepcast::store {

/// The messages pending for the bus, in the order in which commits promised them, and which of those that
/// were sent are kept: their texts are not here.
class Outbox {
  public:
    static std::uint64_t cost(const OutboxMessage& m) {
        return 160 + 2 * m.id.size() + m.topic.size() + m.key.size() + m.value.size() +
               event::text_size(m.headers) + m.headers.size() * sizeof(event::Header);
    }

    /// Null if a message of this id is pending already.
    PendingRef add(const OutboxMessage& message, Timestamp at);
    /// Puts back one that keeps its number.
    void restore(PendingRef pending);
    /// What the message was, with number 0 if there is none of this id; it is not kept by itself.
    SentMessage remove(std::string_view id, Timestamp now);
    std::vector<PendingRef> read(std::uint64_t after, std::size_t limit) const;
    std::uint64_t size() const { return pending_.size(); }
    /// When the oldest was added.
    std::optional<Timestamp> since() const;

    /// Keeps one that was sent; in the order of their times.
    void keep(SentMessage sent);
    /// The number of the oldest that is kept and was sent at `until` or before, or is beyond `most_bytes`: it
    /// is kept no more. 0: there is none.
    std::uint64_t forget(Timestamp until, std::uint64_t most_bytes);

    std::uint64_t memory() const { return bytes_ + sent_.size() * sizeof(SentMessage); }

  private:
    std::map<std::uint64_t, PendingRef> pending_;
    boost::unordered_flat_map<std::string, std::uint64_t, KeyedHash, std::equal_to<>> numbers_;
    std::deque<SentMessage> sent_;
    std::uint64_t sent_bytes_ = 0;  // of their rows
    std::uint64_t last_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace stepcast::store

#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <map>

#include "base/hash.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// The messages pending for the bus, in the order in which commits promised them.
class Outbox {
  public:
    static std::uint64_t cost(const OutboxMessage& m) {
        return 160 + 2 * m.id.size() + m.topic.size() + m.key.size() + m.value.size() +
               event::text_size(m.headers) + m.headers.size() * sizeof(event::Header);
    }

    /// Null if a message of this id is pending already.
    const PendingMessage* add(const OutboxMessage& message);
    /// Puts back one that keeps its number.
    void restore(PendingMessage pending);
    /// The number that the message had; 0 if there is none.
    std::uint64_t remove(std::string_view id);
    std::vector<PendingMessage> read(std::uint64_t after, std::size_t limit) const;

    std::uint64_t memory() const { return bytes_; }

  private:
    std::map<std::uint64_t, PendingMessage> pending_;
    boost::unordered_flat_map<std::string, std::uint64_t, KeyedHash, std::equal_to<>> numbers_;
    std::uint64_t last_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace stepcast::store

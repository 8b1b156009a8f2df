#pragma once
#include <map>
#include <unordered_set>

#include "base/hash.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// Which messages consumers have handled, until their marks expire.
class Inbox {
  public:
    static std::uint64_t cost(const InboxMark& m) {
        return 224 + m.consumer.size() + m.message_id.size() + m.answer.size();
    }

    bool knows(const InboxMark& mark) const { return marks_.contains(mark); }
    /// Null if it is not known.
    const InboxMark* find(std::string_view consumer, std::string_view message_id) const;
    /// One that is known stays as it is.
    void add(const InboxMark& mark);
    /// Forgets at most `limit` marks that expire at `now` or before. False if there are none.
    bool forget(Timestamp now, std::size_t limit);

    std::uint64_t memory() const { return bytes_; }

  private:
    struct Hash {
        std::size_t operator()(const InboxMark& m) const {
            return keyed_hash(m.consumer) * 31 + keyed_hash(m.message_id);
        }
    };
    struct Same {
        bool operator()(const InboxMark& a, const InboxMark& b) const {
            return a.message_id == b.message_id && a.consumer == b.consumer;
        }
    };

    std::unordered_set<InboxMark, Hash, Same> marks_;
    std::multimap<Timestamp, const InboxMark*> by_expiry_;
    std::uint64_t bytes_ = 0;
};

}  // namespace stepcast::store

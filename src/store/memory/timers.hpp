#pragma once
#include <set>
#include <unordered_map>

#include "base/hash.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// The deadlines that are set.
class Timers {
  public:
    static std::uint64_t cost(const Timer& t) {
        return 256 + 2 * t.id.size() + t.kind.size() + t.payload.size();
    }

    /// One of the same id is replaced.
    void set(Timer timer);
    /// False if there is none.
    bool remove(std::string_view id);
    /// What the one of this id takes; 0 if there is none.
    std::uint64_t held_by(std::string_view id) const;
    std::vector<Timer> due(Timestamp now, std::size_t limit) const;

    std::uint64_t memory() const { return bytes_; }

  private:
    std::unordered_map<std::string, Timer, KeyedHash, std::equal_to<>> timers_;
    std::set<std::pair<Timestamp, std::string_view>> order_;  // views of the ids in `timers_`
    std::uint64_t bytes_ = 0;
};

}  // namespace stepcast::store

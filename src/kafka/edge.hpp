#pragma once
#include <cstdint>
#include <deque>

namespace stepcast::kafka {

/// Which records of a partition were handed out and are not done: finds the offset below which everything is
/// done.
class Edge {
  public:
    /// A record is handed out. Offsets rise; there may be holes.
    void give(std::int64_t offset) {
        open_.push_back({offset, false});
        ++in_flight_;
        next_ = offset + 1;
    }

    /// A record is done. Offsets that were not handed out, or are done already, change nothing.
    void done(std::int64_t offset);

    /// The lowest offset that is not done, negative before anything was handed out.
    std::int64_t value() const { return open_.empty() ? next_ : open_.front().offset; }
    std::size_t in_flight() const { return in_flight_; }

  private:
    struct Open {
        std::int64_t offset;
        bool done;
    };
    std::deque<Open> open_;  // front is not done
    std::size_t in_flight_ = 0;
    std::int64_t next_ = -1;
};

}  // namespace stepcast::kafka

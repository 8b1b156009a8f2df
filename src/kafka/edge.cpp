#include "kafka/edge.hpp"

#include <algorithm>

namespace stepcast::kafka {

void Edge::done(std::int64_t offset) {
    if (open_.empty() || offset < open_.front().offset || offset >= next_) return;
    // Without holes the place is the distance; holes only move it forward.
    const auto guess = std::min(static_cast<std::size_t>(offset - open_.front().offset), open_.size() - 1);
    auto found = open_.begin() + static_cast<std::ptrdiff_t>(guess);
    if (found->offset != offset) {
        found = std::lower_bound(open_.begin(), found, offset,
                                 [](const Open& open, std::int64_t o) { return open.offset < o; });
        if (found->offset != offset) return;
    }
    if (found->done) return;
    found->done = true;
    --in_flight_;
    while (!open_.empty() && open_.front().done) open_.pop_front();
}

}  // namespace stepcast::kafka

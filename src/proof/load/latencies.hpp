#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace stepcast::proof {

/// Every latency of a measurement, kept to the microsecond.
class Latencies {
  public:
    void add(std::uint64_t ns) { us_.push_back(static_cast<std::uint32_t>(ns / 1000)); }
    bool empty() const { return us_.empty(); }

    /// The latency in milliseconds that `percent` of all stay at or below; 0 if there are none.
    double at(std::size_t percent) {
        if (us_.empty()) return 0;
        const auto index = std::min(us_.size() - 1, us_.size() * percent / 100);
        std::nth_element(us_.begin(), us_.begin() + static_cast<std::ptrdiff_t>(index), us_.end());
        return static_cast<double>(us_[index]) / 1000;
    }

  private:
    std::vector<std::uint32_t> us_;
};

}  // namespace stepcast::proof

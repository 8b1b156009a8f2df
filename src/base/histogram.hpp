#pragma once
#include <array>
#include <atomic>
#include <cstdint>

namespace stepcast {

/// Counts durations in fixed exponential buckets, without locks or allocation; any thread. A scrape reads it
/// while it runs, so the buckets and the sum may differ by the observations of that instant.
class Histogram {
  public:
    /// Upper bounds in seconds: 10 µs to 60 s.
    static constexpr std::array<double, 21> bounds{1e-5,   2.5e-5, 5e-5, 1e-4,   2.5e-4, 5e-4, 1e-3,
                                                   2.5e-3, 5e-3,   1e-2, 2.5e-2, 5e-2,   0.1,  0.25,
                                                   0.5,    1,      2.5,  5,      10,     30,   60};

    /// `times`: how many equal observations, so that one batch costs one call.
    void observe(double seconds, std::uint64_t times = 1) {
        std::size_t i = 0;
        while (i < bounds.size() && seconds > bounds[i]) ++i;
        buckets_[i].fetch_add(times, std::memory_order_relaxed);
        sum_us_.fetch_add(static_cast<std::uint64_t>(seconds * 1e6 * static_cast<double>(times)),
                          std::memory_order_relaxed);
    }

    std::uint64_t bucket(std::size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }
    double sum_seconds() const { return static_cast<double>(sum_us_.load(std::memory_order_relaxed)) / 1e6; }

  private:
    std::array<std::atomic<std::uint64_t>, bounds.size() + 1> buckets_{};
    std::atomic<std::uint64_t> sum_us_{0};
};

}  // namespace stepcast

#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "base/histogram.hpp"

namespace stepcast::http {

/// What became of the requests of one route. Any thread.
class RequestStats {
  public:
    static constexpr int first_status = 100, last_status = 599;

    explicit RequestStats(std::string route) : route_{std::move(route)} {}

    void count(int status, double seconds) {
        count(status);
        seconds_.observe(seconds);
    }
    void count(int status) {
        if (status >= first_status && status <= last_status)
            statuses_[static_cast<std::size_t>(status - first_status)].fetch_add(1,
                                                                                 std::memory_order_relaxed);
    }

    /// The route's pattern: a label of few values. "(none)" is no route, "(refused)" a request that was not
    /// understood.
    const std::string& route() const { return route_; }
    std::uint64_t requests(int status) const {
        return statuses_[static_cast<std::size_t>(status - first_status)].load(std::memory_order_relaxed);
    }
    /// From the whole request to the answer made or the socket taken over.
    const Histogram& seconds() const { return seconds_; }

  private:
    const std::string route_;
    std::array<std::atomic<std::uint64_t>, last_status - first_status + 1> statuses_{};
    Histogram seconds_;
};

}  // namespace stepcast::http

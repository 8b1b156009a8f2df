#pragma once
#include <chrono>
#include <cstdint>

namespace stepcast::aio {

/// How long to pause before the next attempt: each time twice as long, up to a bound, less up to a half by
/// chance, so that those who failed together do not come back together.
class Backoff {
  public:
    using Duration = std::chrono::steady_clock::duration;

    Backoff(Duration first, Duration most) : first_{first}, most_{most}, next_{first} {}

    Duration next();
    void reset() { next_ = first_; }

    /// The pause after so many attempts, of a schedule that outlives its process.
    static Duration after(std::uint32_t attempts, Duration first, Duration most);

  private:
    Duration first_;
    Duration most_;
    Duration next_;
};

}  // namespace stepcast::aio

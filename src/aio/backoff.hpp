#pragma once
#include <chrono>

namespace stepcast::aio {

/// How long to pause before the next attempt: each time twice as long, up to a bound, less up to a half by
/// chance, so that those who failed together do not come back together.
class Backoff {
  public:
    using Duration = std::chrono::steady_clock::duration;

    Backoff(Duration first, Duration most) : first_{first}, most_{most}, next_{first} {}

    Duration next();
    void reset() { next_ = first_; }

  private:
    Duration first_;
    Duration most_;
    Duration next_;
};

}  // namespace stepcast::aio

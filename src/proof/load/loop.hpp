#pragma once
#include <algorithm>
#include <cstdint>

namespace stepcast::proof {

/// Monotonic time in nanoseconds.
std::uint64_t now_ns();

/// What a loop calls when its descriptor is ready. `events`: EPOLLIN and so on.
class Handler {
  public:
    virtual void on_ready(std::uint32_t events) = 0;

  protected:
    ~Handler() = default;
};

/// A bare epoll loop, edge-triggered: a load generator must cost less than what it measures. One thread.
/// Handlers outlive the loop's last turn, and must bear a call that finds nothing to do.
class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Watches both directions until the descriptor is closed.
    void watch(int fd, Handler& handler);

    /// Waits at most `limit_ns` and calls the handlers of what is ready.
    void turn(std::uint64_t limit_ns);

    /// Turns until `done()` or for `limit_ns`. True if done. `done` is asked at least every `step_ns`.
    template <class Done>
    bool run_until(std::uint64_t limit_ns, Done done, std::uint64_t step_ns = 10'000'000) {
        const auto deadline = now_ns() + limit_ns;
        while (!done()) {
            const auto now = now_ns();
            if (now >= deadline) return false;
            turn(std::min(deadline - now, step_ns));
        }
        return true;
    }

  private:
    int epoll_ = -1;
};

}  // namespace stepcast::proof

#pragma once
#include <cassert>
#include <utility>

#include "aio/notice.hpp"

namespace stepcast::aio {

/// Counts what is still running, so that a service can wait for it before it is destroyed (seastar's gate).
/// All calls on one strand.
class Gate {
  public:
    explicit Gate(const Strand& strand) : left_{strand} {}
    ~Gate() { assert(count_ == 0); }

    /// Keeps the gate's owner alive while it exists. Empty if the gate was already closed.
    class Hold {
      public:
        Hold() = default;
        explicit Hold(Gate& gate) : gate_{&gate} { ++gate.count_; }
        Hold(Hold&& other) noexcept : gate_{std::exchange(other.gate_, nullptr)} {}
        Hold& operator=(Hold&& other) noexcept {
            std::swap(gate_, other.gate_);
            return *this;
        }
        ~Hold() {
            if (gate_ != nullptr) gate_->leave();
        }
        explicit operator bool() const { return gate_ != nullptr; }

      private:
        Gate* gate_ = nullptr;
    };

    Hold enter() { return closed_ ? Hold{} : Hold{*this}; }
    bool closed() const { return closed_; }
    std::size_t count() const { return count_; }

    /// Lets nobody in any more and waits until all have left, at most `limit`. True if all have.
    awaitable<bool> close(std::chrono::steady_clock::duration limit = std::chrono::hours{24});

  private:
    void leave() {
        if (--count_ == 0) left_.notify();
    }

    Notice left_;
    std::size_t count_ = 0;
    bool closed_ = false;
};

}  // namespace stepcast::aio

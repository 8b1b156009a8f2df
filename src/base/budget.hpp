#pragma once
#include <atomic>
#include <cstddef>
#include <utility>

namespace stepcast {

/// Bytes that many together may hold for one purpose. Any thread; outlives its holds.
class Budget {
  public:
    explicit Budget(std::size_t limit) : limit_{limit} {}

    std::size_t held() const { return held_.load(std::memory_order_relaxed); }

    /// The share of one of them; given back when destroyed.
    class Hold {
      public:
        explicit Hold(Budget& budget) : budget_{&budget} {}
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;
        ~Hold() { resize(0); }

        /// False, and nothing has changed, if it would grow beyond what is left. Shrinking never fails.
        bool resize(std::size_t bytes) {
            if (bytes > bytes_ && !budget_->take(bytes - bytes_)) return false;
            if (bytes < bytes_) budget_->give(bytes_ - bytes);
            bytes_ = bytes;
            return true;
        }

      private:
        Budget* budget_;
        std::size_t bytes_ = 0;
    };

  private:
    bool take(std::size_t bytes) {
        if (held_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) return true;
        give(bytes);
        return false;
    }
    void give(std::size_t bytes) { held_.fetch_sub(bytes, std::memory_order_relaxed); }

    const std::size_t limit_;
    std::atomic<std::size_t> held_{0};
};

}  // namespace stepcast

#pragma once
#include <asio/post.hpp>
#include <functional>

#include "aio/types.hpp"

namespace stepcast::progress {

/// Counts the turns that others have on a strand until `end`. It outlives the last of them.
class Turns {
  public:
    explicit Turns(const aio::Strand& strand) {
        tick_ = [this, &strand] {
            ++count_;
            if (!over_) asio::post(strand, tick_);
        };
        asio::post(strand, tick_);
    }
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;

    void end() { over_ = true; }
    int count() const { return count_; }

  private:
    std::function<void()> tick_;
    int count_ = 0;
    bool over_ = false;
};

}  // namespace stepcast::progress

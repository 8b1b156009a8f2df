#pragma once
#include "broadcast/publisher.hpp"

namespace stepcast::flow {

/// Tells nobody of what is committed.
class Nobody final : public broadcast::Publisher {
  public:
    void publish(std::span<const event::EventRef>, std::chrono::steady_clock::time_point) override {}
    void skip_to(event::Position) override {}
    void restart() override {}
};

}  // namespace stepcast::flow

#pragma once
#include <asio/signal_set.hpp>
#include <functional>

#include "aio/types.hpp"

namespace stepcast::app {

/// Turns the first SIGTERM or SIGINT into a call, and the second into an exit at once.
class Signals {
  public:
    /// `on_stop` is called on `strand`, once. `strand`'s context must be run.
    Signals(const aio::Strand& strand, std::function<void()> on_stop);

    /// Stops waiting, so that the context can run out of work. On the strand.
    void cancel() { set_.cancel(); }

  private:
    void wait();

    asio::signal_set set_;
    std::function<void()> on_stop_;
};

}  // namespace stepcast::app

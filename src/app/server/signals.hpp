#pragma once
#include <asio/signal_set.hpp>
#include <functional>

#include "aio/types.hpp"

namespace stepcast::app {

/// Whether it is ignored from the start, as with `nohup` or in the background of a script.
bool is_ignored(int number);

/// Turns the first signal that asks for an end into a call, and the second into an exit at once: SIGTERM,
/// SIGINT, SIGPWR, and SIGHUP, with which a terminal closes, unless it was ignored from the start (`nohup`).
/// No signal but those, and those that tell of a fault in the program, ends the process; SIGUSR1 and SIGUSR2
/// are named in the log.
class Signals {
  public:
    /// `on_stop` is called on `strand`, once; `on_reload`, if there is one, for each SIGHUP in place of a
    /// stop. `strand`'s context must be run.
    Signals(const aio::Strand& strand, std::function<void()> on_stop, std::function<void()> on_reload = {});

    /// Stops waiting, so that the context can run out of work. On the strand.
    void cancel() { set_.cancel(); }

  private:
    void wait();

    asio::signal_set set_;
    std::function<void()> on_stop_;
    std::function<void()> on_reload_;
};

}  // namespace stepcast::app

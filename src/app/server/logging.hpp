#pragma once
#include <cstdint>

#include "app/config/config.hpp"

namespace stepcast::app {

/// Sends everything that spdlog's default logger is given to stderr, from a thread of its own, while this
/// exists: text on a terminal, otherwise one JSON object a line. Never blocks who logs: when the queue is
/// full the oldest lines are dropped and counted. The destructor writes what is queued.
class LogSession {
  public:
    explicit LogSession(const Config::Log& settings);
    ~LogSession();
    LogSession(const LogSession&) = delete;
    LogSession& operator=(const LogSession&) = delete;
};

/// Lines dropped since the start because whoever reads stderr was too slow. Any thread.
std::uint64_t dropped_log_lines();

}  // namespace stepcast::app

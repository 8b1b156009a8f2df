#pragma once
#include "http/access_log.hpp"

namespace stepcast::app {

/// A line of the log: address, user, method, route, status and milliseconds. Any thread.
void log_access(const http::Answered& answered);

}  // namespace stepcast::app

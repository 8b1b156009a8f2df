#pragma once
#include "app/config/config.hpp"

namespace stepcast::app {

/// Builds the components, serves until the first signal that asks for an end (see Signals), drains within
/// `server.drain`. Returns the process's exit code: 0 after a clean stop, 1 if it could not start (one clear
/// line is logged, a port that is taken included).
int serve(const Config& config);

}  // namespace stepcast::app

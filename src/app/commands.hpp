#pragma once
#include <string>

#include "app/config.hpp"

namespace stepcast::app {

/// The version of this build, from the project's one place.
std::string_view version();

/// Asks the configured server's /healthz. 0 if it answers 200 within five seconds, otherwise 1 and a line on
/// stderr.
int healthcheck(const Config& config);

}  // namespace stepcast::app

#pragma once
#include "app/config/config.hpp"
#include "auth/settings.hpp"

namespace stepcast::app {

/// What the verifier of tokens is told of the settings.
auth::Settings auth_settings(const Config& config);

}  // namespace stepcast::app

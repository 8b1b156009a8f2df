#pragma once
#include <string_view>

namespace stepcast::app {

/// The version of this build, from the project's one place.
std::string_view version();

}  // namespace stepcast::app

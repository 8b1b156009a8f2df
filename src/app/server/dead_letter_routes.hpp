#pragma once
#include <vector>

#include "flow/letter_box.hpp"
#include "http/route.hpp"

namespace stepcast::app {

/// The rows for operators of what could not be handled. The box outlives them.
std::vector<http::Route> dead_letter_routes(flow::LetterBox& box);

}  // namespace stepcast::app

#pragma once
#include "event/spans.hpp"
#include "http/message.hpp"

namespace stepcast::http {

/// The span of a request, which from here on says in its `traceparent` that it is within that. One that names
/// no trace begins one if it changes something: what is only read would be most of all traces.
event::OpenSpan begin_span(Request& request);

/// `route`: its pattern, as in RequestStats.
void end_span(event::OpenSpan& span, const Request& request, std::string_view route, int status);

}  // namespace stepcast::http

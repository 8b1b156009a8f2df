#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::event {

/// What a `traceparent` (W3C Trace Context, level 1) says: lower-case hex digits, 32, 16 and 2 of them. Views
/// into the text.
struct TraceParent {
    std::string_view trace_id;
    std::string_view parent_id;
    std::string_view flags;
};

/// Reads one; nothing of a text that is none, which is to be ignored. Versions after 00 may go on behind the
/// flags.
std::optional<TraceParent> read_traceparent(std::string_view text);

/// The same trace and flags with a new parent id: what is done next is a span of its own. Empty if the text
/// is no `traceparent`.
std::string next_hop(std::string_view traceparent);

}  // namespace stepcast::event

#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "event/event.hpp"
#include "event/header.hpp"

namespace stepcast::event {

/// What goes with an event, or a message, and is no part of what it says. Empty texts are absent. Nothing of
/// it counts in a fingerprint, so a retry that comes another way is still the same event.
struct Metadata {
    std::string correlation_id{};  ///< one for everything that a request caused, over services and topics
    std::string causation_id{};    ///< the id of the event or message that caused this one
    std::string traceparent{};     ///< W3C Trace Context: the trace, and the span in which it was done
    std::string actor{};           ///< who did it

    bool empty() const {
        return correlation_id.empty() && causation_id.empty() && traceparent.empty() && actor.empty();
    }
    friend bool operator==(const Metadata&, const Metadata&) = default;
};

/// What goes with everything that somebody does because of an event or a message that has this metadata: `id`
/// is the cause, correlation and actor stay, and the trace goes one hop on.
Metadata caused_by(const Metadata& cause, std::string id);

/// Names an event among those of all streams, such as `order-7/7:1`: what it causes says so.
std::string reference_of(const Event& event);

/// The same draft with this metadata, JSON as `to_json` gives it, in place of its own; as it is if it would
/// grow too large: no event is refused for what is beside it.
Draft with_metadata(const Draft& draft, std::string_view metadata);

/// Longest text of a member, in bytes.
inline constexpr std::size_t max_metadata_text = 256;

/// One JSON object on one line with the members that are present; empty if none is.
std::string to_json(const Metadata& metadata);

/// Reads what `to_json` gave, and what others wrote: refuses what is no object of short texts. Unknown
/// members are passed over; an empty text gives empty metadata.
result<Metadata> read_metadata(std::string_view json);

/// The headers `correlation-id`, `causation-id`, `traceparent` and `actor` of the members that are present.
std::vector<Header> to_headers(const Metadata& metadata);

/// The header that names a message, so that what it causes can say so.
inline constexpr std::string_view message_id_header = "message-id";

/// The header that says which service sent a message, where its topic does not tell.
inline constexpr std::string_view service_header = "service";

/// What the headers of a message say, the first of each name. One that no Metadata could hold is passed over:
/// a message is not refused for what is beside it.
Metadata metadata_of(std::span<const HeaderView> headers);

}  // namespace stepcast::event

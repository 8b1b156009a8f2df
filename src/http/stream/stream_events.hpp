#pragma once
#include "http/route.hpp"

namespace stepcast::http {

// What every module's streams are asked with, and say beside their own events.

inline constexpr Parameter last_event_header{
    Parameter::In::header, "Last-Event-ID",
    "The last id that was received: the stream goes on behind it; beats `lastEventId`",
    R"({"type":"string"})"};
inline constexpr Parameter last_event_parameter{
    Parameter::In::query, "lastEventId", "The same for those who cannot set headers", R"({"type":"string"})"};
inline constexpr Parameter beat_parameter{
    Parameter::In::query, "beat", "1: from `live` on the heartbeat is `event: beat`, which scripts can see",
    R"({"type":"string","enum":["0","1"]})"};

/// The catch-up is over.
extern const MessageInfo live_event;
/// Something may have been missed.
extern const MessageInfo reset_event;
/// More would be told than is.
extern const MessageInfo more_event;
/// A heartbeat that scripts can see.
extern const MessageInfo beat_event;
/// Why the server ends the stream.
extern const MessageInfo bye_event;

}  // namespace stepcast::http

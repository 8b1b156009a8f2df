#pragma once
#include "http/route.hpp"

namespace stepcast::http {

// What every module's streams say beside its own events.

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

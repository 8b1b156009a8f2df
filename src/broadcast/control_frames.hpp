#pragma once
#include <chrono>
#include <string_view>

#include "event/event.hpp"

namespace stepcast::broadcast {

/// `event: beat` of a stream whose heartbeat comes at this interval, told in whole seconds, rounded up.
event::EventRef beat_frame(std::chrono::milliseconds every);

/// `event: bye` with the reason why the server ends the stream.
event::EventRef bye_frame(std::string_view reason);

/// `retry: N` with N between `least` and `least + spread` milliseconds, drawn anew: so that clients come back
/// one by one.
event::EventRef retry_frame(std::chrono::milliseconds least, std::chrono::milliseconds spread);

}  // namespace stepcast::broadcast

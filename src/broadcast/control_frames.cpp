#include "broadcast/control_frames.hpp"

#include <string>

#include "base/random.hpp"
#include "base/text.hpp"

namespace stepcast::broadcast {

event::EventRef beat_frame(std::chrono::milliseconds every) {
    std::string text = "event: beat\ndata: {\"every\":";
    append_number(text, std::chrono::ceil<std::chrono::seconds>(every).count());
    return event::Event::control(text.append("}\n\n"));
}

event::EventRef bye_frame(std::string_view reason) {
    return event::Event::control(
        std::string{"event: bye\ndata: {\"reason\":\""}.append(reason).append("\"}\n\n"));
}

event::EventRef retry_frame(std::chrono::milliseconds least, std::chrono::milliseconds spread) {
    std::string text = "retry: ";
    append_number(text, least.count() + static_cast<std::int64_t>(random_u64() % (spread.count() + 1)));
    return event::Event::control(text.append("\n\n"));
}

}  // namespace stepcast::broadcast

#include "broadcast/frame_kind.hpp"

#include <algorithm>

namespace stepcast::broadcast {

FrameKind kind_of_control(std::string_view frame) {
    constexpr std::string_view event = "event: ";
    if (frame.starts_with(':')) return FrameKind::heartbeat;
    if (frame.starts_with("retry:")) return FrameKind::retry;
    if (frame.starts_with("id:")) frame.remove_prefix(std::min(frame.size(), frame.find('\n') + 1));
    if (!frame.starts_with(event)) return FrameKind::other;
    const auto name = frame.substr(event.size(), frame.find('\n') - event.size());
    const auto found = std::ranges::find(frame_kind_names, name);
    return found == frame_kind_names.end() ? FrameKind::other
                                           : static_cast<FrameKind>(found - frame_kind_names.begin());
}

}  // namespace stepcast::broadcast

#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "event/event.hpp"

namespace stepcast::broadcast {

/// What a frame tells its client.
enum class FrameKind : std::uint8_t {
    event,  ///< a stored event
    recovery,
    reset,
    more,
    live,  ///< the end of a catch-up, which moves the cursor
    beat,  ///< a heartbeat for who asked for one that scripts can see
    bye,   ///< why the server ends the stream
    retry,
    heartbeat,  ///< a comment
    other,
};
inline constexpr std::array<std::string_view, 10> frame_kind_names{
    "event", "recovery", "reset", "more", "live", "beat", "bye", "retry", "heartbeat", "other"};

/// Of a control frame: its first line says it, or the one behind its id.
FrameKind kind_of_control(std::string_view frame);

inline FrameKind kind_of(const event::Event& frame) {
    return frame.is_control() ? kind_of_control(frame.frame()) : FrameKind::event;
}

/// How many frames of each kind.
struct FrameCounts {
    std::array<std::uint32_t, frame_kind_names.size()> of{};

    void add(FrameKind kind, std::size_t count = 1) {
        of[static_cast<std::size_t>(kind)] += static_cast<std::uint32_t>(count);
    }
};

}  // namespace stepcast::broadcast

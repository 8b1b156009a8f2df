#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "event/event.hpp"

namespace stepcast::broadcast {

/// What a frame tells its client.
enum class FrameKind : std::uint8_t {
    progress,  ///< a stored event
    recovery,
    reset,
    more,
    id,  ///< a bare id, which moves the cursor
    retry,
    heartbeat,  ///< a comment
    other,
};
inline constexpr std::array<std::string_view, 8> frame_kind_names{
    "progress", "recovery", "reset", "more", "id", "retry", "heartbeat", "other"};

/// Of a control frame: its first line says it.
FrameKind kind_of_control(std::string_view frame);

inline FrameKind kind_of(const event::Event& frame) {
    return frame.is_control() ? kind_of_control(frame.frame()) : FrameKind::progress;
}

/// How many frames of each kind.
struct FrameCounts {
    std::array<std::uint32_t, frame_kind_names.size()> of{};

    void add(FrameKind kind, std::size_t count = 1) {
        of[static_cast<std::size_t>(kind)] += static_cast<std::uint32_t>(count);
    }
};

}  // namespace stepcast::broadcast

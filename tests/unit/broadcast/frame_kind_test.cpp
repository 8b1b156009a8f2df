#include "broadcast/frame_kind.hpp"

#include <gtest/gtest.h>

#include "unit/broadcast/events.hpp"

namespace stepcast::broadcast {
namespace {

TEST(FrameKind, is_what_the_first_line_says_or_the_one_behind_the_id) {
    EXPECT_EQ(kind_of(*testing::make_event(1)), FrameKind::event);
    const std::pair<const char*, FrameKind> frames[] = {
        {"event: recovery\ndata: {}\n\n", FrameKind::recovery},
        {"event: reset\ndata: {}\n\n", FrameKind::reset},
        {"event: more\ndata: {}\n\n", FrameKind::more},
        {"event: bye\ndata: {}\n\n", FrameKind::bye},
        {"event: byte\ndata: {}\n\n", FrameKind::other},
        {"id: e.7\nevent: live\ndata: {}\n\n", FrameKind::live},
        {"event: beat\ndata: {\"every\":15}\n\n", FrameKind::beat},
        {"id: e.7\n\n", FrameKind::other},
        {"id: e.7", FrameKind::other},
        {"retry: 100\n\n", FrameKind::retry},
        {":\n", FrameKind::heartbeat},
        {"data: x\n\n", FrameKind::other},
    };
    for (const auto& [text, kind] : frames) EXPECT_EQ(kind_of(*event::Event::control(text)), kind) << text;
}

}  // namespace
}  // namespace stepcast::broadcast

#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/histogram.hpp"
#include "broadcast/frame_kind.hpp"

namespace stepcast::broadcast {

/// What a session streams; `v1` is the seeds' first version: no ids, no recovery.
enum class SessionKind : std::uint8_t { user, task, v1 };
inline constexpr std::array<std::string_view, 3> session_kind_names{"user", "task", "v1"};

/// Why a session ended.
enum class CloseReason : std::uint8_t {
    none,      ///< it has not
    gone,      ///< the client went away
    ended,     ///< everything was said (a finished task, a HEAD request)
    slow,      ///< its outbox was full and nothing could be thinned out
    stuck,     ///< no byte was taken for `write_timeout`
    replaced,  ///< a newer connection of the same user took its place (v1)
    drained,   ///< the server stops
    expired,   ///< what proved who the client is holds no longer
    failed,    ///< the server could not read what it had to tell; the client resumes by cursor
};
inline constexpr std::array<std::string_view, 9> close_reason_names{
    "none", "gone", "ended", "slow", "stuck", "replaced", "drained", "expired", "failed"};

/// What one lane has done. Written on its strand, read from any thread.
struct LaneStats {
    using Count = std::atomic<std::uint64_t>;
    std::array<Count, session_kind_names.size()> sessions{};   ///< open now, by kind
    std::array<Count, close_reason_names.size()> closed{};     ///< by reason
    std::array<Count, frame_kind_names.size()> frames{};       ///< handed to the kernel whole, by kind
    std::array<Count, session_kind_names.size()> announced{};  ///< control frames for live sessions, by kind
    Count bytes{0};                                            ///< bytes of all that
    Count coalesced{0};            ///< events thinned out of slow readers' outboxes
    Count lapped{0};               ///< how often the lane had to catch up from the store
    Histogram delivery_seconds;    ///< commit to write, per frame sent live
    Histogram loop_delay_seconds;  ///< how late the lane's turn came: posted to run
};

}  // namespace stepcast::broadcast

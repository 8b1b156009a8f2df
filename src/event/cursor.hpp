#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "event/event.hpp"

namespace stepcast::event {

/// The SSE id `epoch.position`: where a client stands in one history of positions. Opaque to clients.
struct Cursor {
    std::string epoch;
    Position position = 0;

    std::string text() const;
};

/// Reads a client's Last-Event-ID. Empty if it is none of ours; whether its epoch is the current one is the
/// caller's question.
std::optional<Cursor> parse_cursor(std::string_view text);

/// The frame that ends every catch-up: moves the client's cursor and says that what follows is live. With
/// data, because many clients drop an id that comes without.
std::string live_frame(std::string_view epoch, Position position);

}  // namespace stepcast::event

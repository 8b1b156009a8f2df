#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "event/event.hpp"

namespace stepcast::testing {

inline constexpr std::array<std::string_view, 3> event_types{"STARTED", "PROGRESS", "COMPLETED"};
inline constexpr event::Category progress{"progress", "progress", event_types, true, true};
/// Ids and users of both collide on purpose; each of its events counts.
inline constexpr event::Category counter{"counter", "counted", event_types, true};

/// A sealed event of `task` of `user`, with `padding` extra bytes of JSON.
inline event::EventRef make_event(event::Position position, std::string_view task = "t",
                                  std::string_view user = "u",
                                  event::Lifecycle lifecycle = event::Lifecycle::neutral,
                                  std::size_t padding = 0, event::Version version = 1,
                                  const event::Category& category = progress) {
    std::string json = R"({"taskId":")";
    json.append(task).append(R"(","pad":")").append(padding, '.').append("\"}");
    event::DraftFields fields;
    fields.category = &category;
    fields.type = lifecycle == event::Lifecycle::opens ? 0 : lifecycle == event::Lifecycle::neutral ? 1 : 2;
    fields.lifecycle = lifecycle;
    fields.stream_id = task;
    fields.id = "e";
    fields.subject = user;
    fields.json = json;
    return event::Event::seal(event::Event::make(fields), version, position, Timestamp{}, "ep");
}

/// The positions in the id lines of an event stream, in order.
inline std::vector<event::Position> positions_in(std::string_view stream) {
    std::vector<event::Position> positions;
    constexpr std::string_view mark = "id: ep.";
    for (auto at = stream.find(mark); at != std::string_view::npos; at = stream.find(mark, at))
        positions.push_back(std::stoull(std::string{stream.substr(at += mark.size(), 20)}));
    return positions;
}

}  // namespace stepcast::testing

#pragma once
#include <span>
#include <string>
#include <string_view>

#include "bus/bus.hpp"

namespace stepcast::topics {

/// Appends `,"NAME":` and what the bytes of a record's value say on one line: JSON as it is, else text, else
/// base64 and `,"encoding":"base64"`. What would take more than `max_bytes` is null, with `,"bytes":N`.
void append_value(std::string& out, std::string_view name, std::string_view value, std::size_t max_bytes);

/// A record as one JSON object:
/// `{"topic":…,"partition":…,"offset":…,"at":…,"key":…,"headers":{…},"value":…}`; of headers of one name the
/// first.
std::string record_json(std::string_view topic, const bus::Record& record, std::size_t max_bytes);

/// What sort of message it is: its header `eventType`, else the member `type`, `eventType` or `command` of
/// its JSON; empty: it does not say.
std::string type_of(std::span<const event::HeaderView> headers, std::string_view value);

}  // namespace stepcast::topics

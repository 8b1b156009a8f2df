#include "domain/topics/record_json.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "auth/base64.hpp"
#include "base/text.hpp"
#include "event/json_reader.hpp"

namespace stepcast::topics {
namespace {

constexpr std::size_t max_type_bytes = 128;

// False: it is no JSON, or too large.
bool append_json(std::string& out, std::string_view value, std::size_t max_bytes) {
    const auto json = event::received_json(value);
    if (!json) return false;
    event::JsonReader reader{*json};
    std::string_view whole;
    if (!reader.only_value(whole)) return false;
    const auto before = out.size();
    if (event::append_json_normal(out, whole, event::Members::as_given, max_bytes) == event::Normal::written)
        return true;
    out.resize(before);
    return false;
}

void append_bytes(std::string& out, std::string_view bytes) {
    event::append_json_value(out, event::json_of_bytes(bytes));
}

}  // namespace

void append_value(std::string& out, std::string_view name, std::string_view value, std::size_t max_bytes) {
    out.append(",\"").append(name).append("\":");
    if (value.size() > max_bytes) {
        append_number(out += "null,\"bytes\":", value.size());
    } else if (append_json(out, value, max_bytes)) {
        return;
    } else if (valid_utf8(value)) {
        event::append_json_string(out, value);
    } else {
        out.append("\"").append(auth::encode_base64(value)).append("\",\"encoding\":\"base64\"");
    }
}

std::string record_json(std::string_view topic, const bus::Record& record, std::size_t max_bytes) {
    std::string out = "{\"topic\":";
    event::append_json_string(out, topic);
    append_number(out += ",\"partition\":", record.place.partition);
    append_number(out += ",\"offset\":", record.place.offset);
    event::append_json_string(out += ",\"at\":", format_rfc3339(record.timestamp));
    out += ",\"key\":";
    if (record.key)
        append_bytes(out, *record.key);
    else
        out += "null";
    boost::json::object headers;
    for (const auto& [name, value] : record.headers())
        if (valid_utf8(name)) headers.emplace(name, event::json_of_bytes(value));
    event::append_json_value(out += ",\"headers\":", headers);
    if (record.value || record.draft != nullptr)
        append_value(out, "value", record.text(), max_bytes);
    else
        out += ",\"value\":null";
    return out += '}';
}

std::string type_of(std::span<const event::HeaderView> headers, std::string_view value) {
    const auto named = std::ranges::find(headers, "eventType", &event::HeaderView::name);
    if (named != headers.end() && valid_utf8(named->value))
        return std::string{named->value.substr(0, max_type_bytes)};
    if (!valid_utf8(value)) return {};
    constexpr std::array<std::string_view, 3> names{"type", "eventType", "command"};
    const auto members = event::read_members(value, names);
    if (!members) return {};
    for (const auto member : *members)
        if (event::is_json_string(member) && member.size() <= max_type_bytes)
            return event::json_text(member).value_or("");
    return {};
}

}  // namespace stepcast::topics

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "domain/progress/codec.hpp"
#include "event/json.hpp"

namespace stepcast::progress {
namespace {

namespace json = boost::json;

constexpr std::int64_t max_steps = (std::int64_t{1} << 53) - 1;

class Category final : public std::error_category {
  public:
    const char* name() const noexcept override { return "progress"; }
    std::string message(int code) const override {
        switch (static_cast<errc>(code)) {
            case errc::malformed:
                return "malformed";
            case errc::invalid_field:
                return "invalid-field";
            case errc::tombstone:
                return "tombstone";
            case errc::not_owner:
                return "not-owner";
            case errc::conflict:
                return "idempotency-conflict";
        }
        return "unknown";
    }
};

tl::unexpected<Error> invalid(std::string_view field, std::string detail) {
    return fail(errc::invalid_field, std::string{field}, std::move(detail));
}

// The member, or null if it is absent; JSON's null means absent too.
const json::value* member(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

result<void> read_id(const json::object& object, std::string_view name, bool required, std::string& out) {
    const json::value* value = member(object, name);
    if (value == nullptr) {
        if (required) return invalid(name, "is required");
        return {};
    }
    if (!value->is_string()) return invalid(name, "must be a string");
    out.assign(value->get_string());
    return check_id(out, name);
}

result<std::optional<std::int64_t>> read_integer(const json::object& object, std::string_view name,
                                                 std::int64_t max) {
    const json::value* value = member(object, name);
    if (value == nullptr) return std::optional<std::int64_t>{};
    const bool small = value->is_int64();
    if (!small && !value->is_uint64()) return invalid(name, "must be an integer");
    if (!small || value->get_int64() < 0 || value->get_int64() > max)
        return invalid(name, fmt::format("must be between 0 and {}", max));
    return std::optional{value->get_int64()};
}

result<void> read_type(const json::object& object, ProgressEvent& event) {
    const json::value* value = member(object, "eventType");
    if (value == nullptr) return invalid("eventType", "is required");
    if (value->is_string())
        for (std::size_t i = 0; i < event_type_names.size(); ++i)
            if (std::string_view{value->get_string()} == event_type_names[i]) {
                event.type = static_cast<EventType>(i);
                return {};
            }
    return invalid("eventType", "must be STARTED, PROGRESS, COMPLETED or FAILED");
}

result<void> read_step_name(const json::object& object, ProgressEvent& event) {
    const json::value* value = member(object, "stepName");
    if (value == nullptr) return {};
    if (!value->is_string()) return invalid("stepName", "must be a string");
    event.step_name.assign(value->get_string());
    if (count_code_points(event.step_name) > max_step_name_characters)
        return invalid("stepName", fmt::format("must have at most {} characters", max_step_name_characters));
    return {};
}

result<void> read_timestamp(const json::object& object, ProgressEvent& event) {
    const json::value* value = member(object, "timestamp");
    if (value == nullptr) return {};
    if (value->is_string()) event.timestamp = parse_rfc3339(value->get_string());
    if (!event.timestamp)
        return invalid("timestamp", "must be an RFC 3339 time such as 2024-01-01T10:00:00Z");
    return {};
}

// The parser turns 1e999 into an infinity, for which JSON has no word.
bool finite(const json::value& value) {
    if (const auto* number = value.if_double()) return std::isfinite(*number);
    if (const auto* array = value.if_array()) return std::ranges::all_of(*array, finite);
    if (const auto* object = value.if_object())
        return std::ranges::all_of(*object, [](const auto& member) { return finite(member.value()); });
    return true;
}

result<void> read_detail(const json::object& object, ProgressEvent& event) {
    const json::value* value = member(object, "detail");
    if (value == nullptr) return {};
    if (!value->is_object()) return invalid("detail", "must be an object");
    if (!finite(*value)) return invalid("detail", "must not hold a number beyond what a double can hold");
    event::append_json_value(event.detail, *value);
    if (event.detail.size() > max_detail_bytes) return invalid("detail", "must be at most 8 KiB of JSON");
    return {};
}

result<void> read_numbers(const json::object& object, ProgressEvent& event) {
    const auto current = read_integer(object, "currentStep", max_steps);
    if (!current) return tl::unexpected{current.error()};
    const auto total = read_integer(object, "totalSteps", max_steps);
    if (!total) return tl::unexpected{total.error()};
    const auto percentage = read_integer(object, "percentage", 100);
    if (!percentage) return tl::unexpected{percentage.error()};
    event.steps_sent = current->has_value() || total->has_value();
    event.current_step = current->value_or(0);
    event.total_steps = total->value_or(0);
    if (*percentage) event.percentage = static_cast<int>(**percentage);
    if (event.total_steps > 0 && event.current_step > event.total_steps)
        return invalid("currentStep", "must not be greater than totalSteps");
    if (event.type == EventType::completed && event.percentage.value_or(100) != 100)
        return invalid("percentage", "must be 100 for COMPLETED");
    return {};
}

// Of the sent values only, in their normal form; the event id and the task name the event and are not part of
// its body.
// An object means the same in any order, and some languages write a retry in another one.
std::uint64_t fingerprint_of(const ProgressEvent& event, const json::value* detail) {
    thread_local std::string text;
    thread_local std::string sorted;
    sorted.clear();
    if (detail != nullptr) event::append_json_value(sorted, *detail, event::Members::by_name);
    text.clear();
    text += static_cast<char>(event.type);
    append_number(text, event.percentage.value_or(-1));
    text += event.steps_sent ? ':' : '-';
    append_number(text, event.current_step);
    text += '/';
    append_number(text, event.total_steps);
    text += '@';
    append_number(text, event.timestamp ? event.timestamp->time_since_epoch().count() : INT64_MIN);
    for (const auto& field :
         {std::string_view{event.user_id}, std::string_view{event.step_name}, std::string_view{sorted}}) {
        text += ' ';
        append_number(text, field.size());
        text += ' ';
        text += field;
    }
    return stable_hash(text);
}

}  // namespace

std::error_code make_error_code(errc e) {
    static const Category category_of_errors;
    return {static_cast<int>(e), category_of_errors};
}

result<void> check_id(std::string_view id, std::string_view field) {
    if (id.empty()) return invalid(field, "must not be empty");
    if (!valid_utf8(id)) return invalid(field, "must be valid UTF-8");
    // Bytes first: counting the characters of a megabyte to refuse it would be work for nothing.
    if (id.size() > 4 * max_id_characters || count_code_points(id) > max_id_characters)
        return invalid(field, fmt::format("must have at most {} characters", max_id_characters));
    if (has_control(id)) return invalid(field, "must not contain control characters");
    return {};
}

result<void> decode(std::string_view text, ProgressEvent& event) {
    unsigned char memory[8 * 1024];
    json::monotonic_resource arena{memory, sizeof memory};
    const auto value = event::parse_json(text, &arena);
    if (!value) return fail(errc::malformed, {}, value.error().detail);
    return decode(*value, event);
}

result<void> decode(const json::value& value, ProgressEvent& event) {
    event.clear();
    const json::object* object = value.if_object();
    if (object == nullptr) return fail(errc::malformed, {}, "must be a JSON object");
    if (auto read = read_id(*object, "taskId", true, event.task_id); !read) return read;
    if (auto read = read_id(*object, "userId", true, event.user_id); !read) return read;
    if (auto read = read_type(*object, event); !read) return read;
    if (auto read = read_id(*object, "eventId", false, event.event_id); !read) return read;
    if (auto read = read_numbers(*object, event); !read) return read;
    if (auto read = read_step_name(*object, event); !read) return read;
    if (auto read = read_timestamp(*object, event); !read) return read;
    if (auto read = read_detail(*object, event); !read) return read;
    event.fingerprint = fingerprint_of(event, member(*object, "detail"));
    return {};
}

}  // namespace stepcast::progress

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error_category.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "domain/progress/codec.hpp"
#include "event/ids.hpp"
#include "event/json_reader.hpp"

namespace stepcast::progress {
namespace {

constexpr std::int64_t max_whole = (std::int64_t{1} << 53) - 1;

tl::unexpected<Error> invalid(std::string_view field, std::string detail) {
    return fail(errc::invalid_field, std::string{field}, std::move(detail));
}

// What an event is made of; its other members are passed over.
enum Name : std::size_t {
    task_id,
    user_id,
    event_type,
    event_id,
    current_step,
    total_steps,
    percentage,
    step_name,
    timestamp,
    detail,
    seq,
};
constexpr std::array<std::string_view, 11> names{"taskId",      "userId",     "eventType",  "eventId",
                                                 "currentStep", "totalSteps", "percentage", "stepName",
                                                 "timestamp",   "detail",     "seq"};
using Values = std::array<std::string_view, names.size()>;

result<void> read_id(const Values& values, Name name, bool required, std::string& out) {
    const auto value = values[name];
    if (value.empty()) {
        if (required) return invalid(names[name], "is required");
        return {};
    }
    if (!event::is_json_string(value)) return invalid(names[name], "must be a string");
    event::append_json_content(out, value);
    return check_id(out, names[name]);
}

result<std::optional<std::int64_t>> read_integer(const Values& values, Name name, std::int64_t max) {
    const auto value = values[name];
    if (value.empty()) return std::optional<std::int64_t>{};
    const auto number = event::json_whole(value);
    if (!number) return invalid(names[name], "must be a whole number");
    if (*number < 0 || *number > max)
        return invalid(names[name], fmt::format("must be between 0 and {}", max));
    return number;
}

// What a value says, empty if it is no string. `unescaped` holds it where it has escapes, which what is asked
// for here rarely has.
std::string_view text_of(std::string_view value, std::string& unescaped) {
    if (!event::is_json_string(value)) return {};
    if (value.find('\\') == value.npos) return value.substr(1, value.size() - 2);
    event::append_json_content(unescaped, value);
    return unescaped;
}

result<void> read_type(const Values& values, ProgressEvent& event) {
    const auto value = values[event_type];
    if (value.empty()) return invalid("eventType", "is required");
    std::string unescaped;
    const auto found = std::ranges::find(event_type_names, text_of(value, unescaped));
    if (found == event_type_names.end())
        return invalid("eventType", "must be STARTED, PROGRESS, COMPLETED or FAILED");
    event.type = static_cast<EventType>(found - event_type_names.begin());
    return {};
}

result<void> read_step_name(const Values& values, ProgressEvent& event) {
    const auto value = values[step_name];
    if (value.empty()) return {};
    if (!event::is_json_string(value)) return invalid("stepName", "must be a string");
    event::append_json_content(event.step_name, value);
    if (count_code_points(event.step_name) > max_step_name_characters)
        return invalid("stepName", fmt::format("must have at most {} characters", max_step_name_characters));
    return {};
}

result<void> read_timestamp(const Values& values, ProgressEvent& event) {
    const auto value = values[timestamp];
    if (value.empty()) return {};
    std::string unescaped;
    event.timestamp = parse_rfc3339(text_of(value, unescaped));
    if (!event.timestamp)
        return invalid("timestamp", "must be an RFC 3339 time such as 2024-01-01T10:00:00Z");
    return {};
}

result<void> read_detail(const Values& values, ProgressEvent& event) {
    const auto value = values[detail];
    if (value.empty()) return {};
    if (!event::is_json_object(value)) return invalid("detail", "must be an object");
    switch (event::append_json_normal(event.detail, value, event::Members::as_given, max_detail_bytes)) {
        case event::Normal::written:
            return {};
        case event::Normal::too_large:
            return invalid("detail", "must be at most 8 KiB of JSON");
        case event::Normal::beyond_double:
            return invalid("detail", "must not hold a number beyond what a double can hold");
    }
    return {};
}

result<void> read_numbers(const Values& values, ProgressEvent& event) {
    const auto current = read_integer(values, current_step, max_whole);
    if (!current) return tl::unexpected{current.error()};
    const auto total = read_integer(values, total_steps, max_whole);
    if (!total) return tl::unexpected{total.error()};
    const auto percent = read_integer(values, percentage, 100);
    if (!percent) return tl::unexpected{percent.error()};
    const auto number = read_integer(values, seq, max_whole);
    if (!number) return tl::unexpected{number.error()};
    if (*number == 0) return invalid("seq", "must be at least 1");
    event.seq = number->value_or(0);
    event.steps_sent = current->has_value() || total->has_value();
    event.current_step = current->value_or(0);
    event.total_steps = total->value_or(0);
    if (*percent) event.percentage = static_cast<int>(**percent);
    if (event.total_steps > 0 && event.current_step > event.total_steps)
        return invalid("currentStep", "must not be greater than totalSteps");
    if (event.type == EventType::completed && event.percentage.value_or(100) != 100)
        return invalid("percentage", "must be 100 for COMPLETED");
    return {};
}

// Of the sent values only, in their normal form; the event id and the task name the event and are not part of
// its body.
// An object means the same in any order, and some languages write a retry in another one.
std::uint64_t fingerprint_of(const ProgressEvent& event) {
    thread_local std::string text;
    thread_local std::string sorted;
    sorted.clear();
    if (!event.detail.empty())
        event::append_json_normal(sorted, event.detail, event::Members::by_name, event.detail.size());
    text.clear();
    text += static_cast<char>(event.type);
    append_number(text, event.percentage.value_or(-1));
    text += event.steps_sent ? ':' : '-';
    append_number(text, event.current_step);
    text += '/';
    append_number(text, event.total_steps);
    text += '@';
    append_number(text, event.timestamp ? event.timestamp->time_since_epoch().count() : INT64_MIN);
    if (event.seq != 0) append_number(text += '#', event.seq);
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
    static const ErrorCategory<errc> errors{"progress",
                                            {{errc::malformed, "malformed"},
                                             {errc::invalid_field, "invalid-field"},
                                             {errc::tombstone, "tombstone"},
                                             {errc::not_owner, "not-owner"},
                                             {errc::conflict, "idempotency-conflict"},
                                             {errc::too_old, "too-old"}}};
    return errors.code(e);
}

result<void> check_id(std::string_view id, std::string_view field) {
    const auto fault = event::fault_of_id(id);
    return fault.empty() ? result<void>{} : invalid(field, std::string{fault});
}

// What was sent is known by its fingerprint alone: each way to have sent the event's other values is tried.
bool percentage_was_sent(const ProgressEvent& event) {
    ProgressEvent tried = event;
    for (const bool dated : {true, false}) {
        tried.timestamp = dated ? event.timestamp : std::nullopt;
        for (const bool steps_sent : {true, false}) {
            tried.steps_sent = steps_sent;
            if (fingerprint_of(tried) == event.fingerprint) return true;
        }
    }
    return false;
}

result<void> decode(std::string_view text, ProgressEvent& event) {
    const auto json = event::received_json(text);
    if (!json) return fail(errc::malformed, {}, json.error().detail);
    return decode_element(*json, event);
}

result<void> decode_element(std::string_view json, ProgressEvent& event, std::string_view sender) {
    event.clear();
    const auto values = event::read_members(json, names);
    if (!values) return fail(errc::malformed, {}, values.error().detail);
    if (auto read = read_id(*values, task_id, true, event.task_id); !read) return read;
    if (auto read = read_id(*values, user_id, sender.empty(), event.user_id); !read) return read;
    if (event.user_id.empty()) event.user_id = sender;
    if (auto read = read_type(*values, event); !read) return read;
    if (auto read = read_id(*values, event_id, false, event.event_id); !read) return read;
    if (auto read = read_numbers(*values, event); !read) return read;
    if (auto read = read_step_name(*values, event); !read) return read;
    if (auto read = read_timestamp(*values, event); !read) return read;
    if (auto read = read_detail(*values, event); !read) return read;
    event.fingerprint = fingerprint_of(event);
    return {};
}

// True if it is an array.
result<bool> SentReader::begin() {
    const auto json = event::received_json(body_);
    if (!json) return fail(errc::malformed, {}, json.error().detail);
    reader_.emplace(*json, event::max_json_depth + 1);
    array = reader_->open_array();
    if (array) return true;
    if (auto read = decode_element(*json, events.emplace_back(), sender_); !read)
        return tl::unexpected{std::move(read.error())};
    return false;
}

// Each element is judged before the next is looked at: what is refused has cost no more than that.
result<bool> SentReader::read(std::size_t most) {
    if (!reader_)
        if (auto more = begin(); !more || !*more) return more;
    for (std::string_view element; most != 0 && reader_->next_element(element); --most) {
        const auto index = events.size();
        auto read = decode_element(element, events.emplace_back(), sender_);
        if (read) continue;
        Error& error = read.error();
        error.field =
            error.field.empty() ? fmt::format("[{}]", index) : fmt::format("[{}].{}", index, error.field);
        return tl::unexpected{std::move(error)};
    }
    if (most == 0) return true;
    if (reader_->failed()) return fail(errc::malformed, {}, reader_->error().detail);
    if (events.empty()) return fail(errc::malformed, {}, "the array is empty");
    return false;
}

}  // namespace stepcast::progress

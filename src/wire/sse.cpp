#include "wire/sse.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "wire/chars.hpp"

namespace stepcast::wire {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t max_retry_digits = 12;  // some thirty years; more cannot be meant

/// One field, or one comment if `prefix` is ": ", for each line of `text`.
void append_lines(std::string& out, std::string_view prefix, std::string_view text) {
    while (true) {
        const auto end = text.find_first_of("\r\n");
        out.append(prefix).append(text.substr(0, end)).append(1, '\n');
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
    }
}

void append_one_line(std::string& out, std::string_view prefix, std::string_view text) {
    out += prefix;
    for (const char c : text)
        if (c != '\r' && c != '\n' && c != '\0') out += c;
    out += '\n';
}

}  // namespace

void append_sse_comment(std::string& out, std::string_view text) {
    append_lines(out, text.empty() ? ":" : ": ", text);
}

void append_sse_retry(std::string& out, std::chrono::milliseconds delay) {
    out += "retry: ";
    append_number(out, delay.count());
    out += "\n\n";
}

void append_sse_event(std::string& out, const SseFrame& frame) {
    if (!frame.id.empty()) append_one_line(out, "id: ", frame.id);
    if (!frame.event.empty()) append_one_line(out, "event: ", frame.event);
    append_lines(out, "data: ", frame.data);
    out += '\n';
}

std::optional<SseEvent> SseParser::next(std::string_view& bytes) {
    skip_bom(bytes);
    while (!bytes.empty() && !overflowed_) {
        if (std::exchange(skip_lf_, false) && bytes[0] == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const auto end = bytes.find_first_of("\r\n");
        if (end == std::string_view::npos) {
            check_bound(bytes.size());
            line_.append(bytes);
            bytes = {};
            return std::nullopt;
        }
        check_bound(end);
        if (overflowed_) break;
        skip_lf_ = bytes[end] == '\r';
        std::string_view line = bytes.substr(0, end);
        if (!line_.empty()) line = line_.append(line);
        bytes.remove_prefix(end + 1);
        const auto event = take_line(line);
        line_.clear();
        if (event) return event;
    }
    if (overflowed_) bytes = {};
    return std::nullopt;
}

/// A mark that turns out to be none belongs to the first line.
void SseParser::skip_bom(std::string_view& bytes) {
    while (at_start_ && !bytes.empty()) {
        if (bytes[0] != byte_order_mark[bom_bytes_]) {
            line_.append(byte_order_mark.substr(0, bom_bytes_));
            at_start_ = false;
            return;
        }
        bytes.remove_prefix(1);
        at_start_ = ++bom_bytes_ != byte_order_mark.size();
    }
}

std::optional<SseEvent> SseParser::take_line(std::string_view line) {
    if (line.empty()) return dispatch();
    const auto colon = line.find(':');
    auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    take_field(line.substr(0, colon), value);
    return std::nullopt;
}

void SseParser::take_field(std::string_view name, std::string_view value) {
    if (name == "data") {
        data_.append(value).append(1, '\n');
    } else if (name == "event") {
        type_ = value;
    } else if (name == "id") {
        if (value.find('\0') == std::string_view::npos) pending_id_ = value;
    } else if (name == "retry" && !value.empty() && value.size() <= max_retry_digits &&
               std::ranges::all_of(value, is_digit)) {
        retry_ = std::chrono::milliseconds{*parse_number<std::int64_t>(value)};
    }
}

std::optional<SseEvent> SseParser::dispatch() {
    last_event_id_ = pending_id_;
    sent_type_.swap(type_), type_.clear();
    if (data_.empty()) return std::nullopt;
    sent_data_.swap(data_), data_.clear();
    sent_data_.pop_back();
    if (sent_type_.empty()) sent_type_ = "message";
    return SseEvent{sent_type_, sent_data_, last_event_id_};
}

void SseParser::check_bound(std::size_t more) {
    overflowed_ = overflowed_ || line_.size() + data_.size() + type_.size() + more > max_event_;
}

void SseParser::reset() {
    line_.clear(), data_.clear(), type_.clear();
    pending_id_ = last_event_id_;
    bom_bytes_ = 0;
    at_start_ = true;
    skip_lf_ = overflowed_ = false;
}

}  // namespace stepcast::wire

#include "client/response_parser.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "client/errc.hpp"

namespace stepcast::client {
namespace {

constexpr std::size_t max_line = 4096;

std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t");
    if (from == text.npos) return {};
    return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    return out;
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::string_view> ResponseHead::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return std::nullopt;
}

ResponseParser::Step ResponseParser::resume(std::string_view& input) {
    while (true) {
        switch (state_) {
            case State::head:
                if (input.empty()) return Step::need_more;
                if (const Step step = read_head(input); step != Step::body) return step;
                break;  // a 1xx was skipped
            case State::body:
                return left_ == 0 ? finish_response() : read_counted(input, State::body);
            case State::until_close:
                if (input.empty()) return Step::need_more;
                body_ = std::exchange(input, {});
                return Step::body;
            case State::chunk:
                if (left_ > 0) return read_counted(input, State::chunk);
                state_ = State::chunk_end;
                break;
            case State::chunk_size:
            case State::chunk_end:
            case State::trailer:
                if (input.empty()) return Step::need_more;
                if (const Step step = read_chunk_line(input); step != Step::body) return step;
                break;
            case State::done:
                return Step::end;
            case State::failed:
                return Step::error;
        }
    }
}

ResponseParser::Step ResponseParser::finish() {
    if (state_ == State::until_close) return finish_response();
    if (state_ == State::head && buffer_.empty()) return Step::need_more;
    if (state_ == State::done) return Step::end;
    state_ = State::failed;
    error_ = Error{errc::cut, {}, "the connection was cut in the middle of an answer"};
    return Step::error;
}

void ResponseParser::next(bool to_head_request) {
    head_ = {};
    buffer_.clear();
    body_ = {};
    left_ = 0;
    state_ = State::head;
    keep_alive_ = true;
    to_head_request_ = to_head_request;
}

ResponseParser::Step ResponseParser::refuse(std::string detail) {
    state_ = State::failed;
    error_ = Error{errc::bad_response, {}, std::move(detail)};
    return Step::error;
}

ResponseParser::Step ResponseParser::read_head(std::string_view& input) {
    // The blank line may lie across two reads: search from three bytes before the new ones.
    const auto old = buffer_.size();
    buffer_.append(input.substr(0, max_head + 1 - std::min(old, max_head)));
    const auto end = buffer_.find("\r\n\r\n", old < 3 ? 0 : old - 3);
    if (end == buffer_.npos) {
        if (buffer_.size() > max_head) return refuse("the header section is longer than 64 KiB");
        input = {};
        return Step::need_more;
    }
    input.remove_prefix(end + 4 - old);
    buffer_.resize(end + 2);
    head_ = {};
    if (!parse_head(buffer_)) return Step::error;
    buffer_ = {};
    if (head_.status < 200) return head_.status == 101 ? refuse("101 was not asked for") : Step::body;
    return choose_framing();
}

bool ResponseParser::parse_head(std::string_view text) {
    const auto line_end = text.find("\r\n");
    const std::string_view line = text.substr(0, line_end);
    const auto status = line.size() >= 12 ? parse_number<int>(line.substr(9, 3)) : std::nullopt;
    const bool versioned = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
    if (!versioned || !status || *status < 100 || (line.size() > 12 && line[12] != ' ')) {
        refuse("the status line is not HTTP/1.1");
        return false;
    }
    head_.status = *status;
    http_1_0_ = line[7] == '0';
    text.remove_prefix(line_end + 2);
    while (!text.empty()) {
        const auto end = text.find("\r\n");
        const std::string_view field = text.substr(0, end);
        const auto colon = field.find(':');
        if (colon == 0 || colon == field.npos || field.find_first_of(" \t") < colon) {
            refuse("a header line has no name");
            return false;
        }
        head_.headers.emplace_back(lower(field.substr(0, colon)), trimmed(field.substr(colon + 1)));
        text.remove_prefix(end + 2);
    }
    return true;
}

ResponseParser::Step ResponseParser::choose_framing() {
    const std::string connection = lower(head_.header("connection").value_or(""));
    keep_alive_ = http_1_0_ ? connection.find("keep-alive") != connection.npos
                            : connection.find("close") == connection.npos;
    if (to_head_request_ || head_.status == 204 || head_.status == 304) {
        state_ = State::body;
        return Step::head;
    }
    if (const auto coding = head_.header("transfer-encoding")) {
        if (lower(*coding) != "chunked") return refuse("the transfer coding is not chunked");
        state_ = State::chunk_size;
        return Step::head;
    }
    if (const auto length = head_.header("content-length")) {
        const auto number = parse_number<std::uint64_t>(*length);
        if (!number) return refuse("Content-Length is no number");
        left_ = *number;
        state_ = State::body;
        return Step::head;
    }
    keep_alive_ = false;
    state_ = State::until_close;
    return Step::head;
}

ResponseParser::Step ResponseParser::read_counted(std::string_view& input, State then) {
    if (input.empty()) return Step::need_more;
    body_ = input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
    left_ -= body_.size();
    input.remove_prefix(body_.size());
    state_ = then;
    return Step::body;
}

bool ResponseParser::take_line(std::string_view& input, std::string& line, bool& too_long) {
    const auto end = input.find('\n');
    buffer_.append(input.substr(0, end));
    input.remove_prefix(end == input.npos ? input.size() : end + 1);
    too_long = buffer_.size() > max_line;
    if (end == input.npos || too_long) return false;
    line = std::exchange(buffer_, {});
    return true;
}

ResponseParser::Step ResponseParser::read_chunk_line(std::string_view& input) {
    std::string line;
    bool too_long = false;
    if (!take_line(input, line, too_long))
        return too_long ? refuse("a chunk line is too long") : Step::need_more;
    if (!line.ends_with('\r')) return refuse("a chunk line ends without CR");
    line.pop_back();
    switch (state_) {
        case State::chunk_end:
            if (!line.empty()) return refuse("a chunk is longer than it said");
            state_ = State::chunk_size;
            return Step::body;
        case State::chunk_size: {
            const auto size = parse_hex(trimmed(std::string_view{line}.substr(0, line.find(';'))));
            if (!size) return refuse("a chunk has no size");
            left_ = *size;
            state_ = left_ == 0 ? State::trailer : State::chunk;
            return Step::body;
        }
        default:
            return line.empty() ? finish_response() : Step::body;
    }
}

ResponseParser::Step ResponseParser::finish_response() {
    state_ = State::done;
    return Step::end;
}

}  // namespace stepcast::client

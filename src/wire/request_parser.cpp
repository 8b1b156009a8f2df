#include "wire/request_parser.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "wire/chars.hpp"

namespace stepcast::wire {
namespace {

constexpr std::size_t max_chunk_line = 1024;

/// What may follow a chunk's size: *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ).
bool valid_chunk_extensions(std::string_view text) {
    const auto take_token = [&] {
        const auto end = std::ranges::find_if_not(text, is_token_char) - text.begin();
        text.remove_prefix(static_cast<std::size_t>(end));
        return end != 0;
    };
    const auto skip_spaces = [&] {
        text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    };
    const auto take_quoted = [&] {
        for (std::size_t i = 1; i < text.size(); ++i) {
            if (text[i] == '"') return text.remove_prefix(i + 1), true;
            if (text[i] == '\\') ++i;
        }
        return false;
    };
    while (!text.empty()) {
        skip_spaces();
        if (text.empty() || text[0] != ';') return false;
        text.remove_prefix(1);
        skip_spaces();
        if (!take_token()) return false;
        const auto before_spaces = text;
        skip_spaces();
        if (text.empty() || text[0] != '=') {
            text = before_spaces;
            continue;
        }
        text.remove_prefix(1);
        skip_spaces();
        if (!(text.starts_with('"') ? take_quoted() : take_token())) return false;
    }
    return true;
}

bool has_forbidden_byte(std::string_view line) {
    return value_prefix(line) != line.size();
}

}  // namespace

std::size_t RequestParser::feed(std::string_view bytes) {
    const std::size_t whole = bytes.size();
    while (!bytes.empty() && state_ != State::done && state_ != State::failed) {
        body_started_ = body_started_ || state_ == State::body;
        const bool data = step_ == Step::fixed_body || step_ == Step::chunk_data;
        bytes.remove_prefix(data ? feed_body(bytes) : feed_line(bytes));
    }
    bytes_ += whole - bytes.size();
    return whole - bytes.size();
}

bool RequestParser::started() const {
    if (state_ != State::head || step_ != Step::request_line) return true;
    return !line_.empty() && (line_ != "\r" || blank_line_seen_);
}

std::size_t RequestParser::feed_line(std::string_view bytes) {
    if (step_ == Step::request_line && line_.empty() && !is_token_char(bytes[0]) && bytes[0] != '\r') {
        malformed("a request begins with a method");  // so that a TLS hello is answered at once
        return 0;
    }
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) {
        line_.append(bytes);
        if (line_.size() - (line_.ends_with('\r') ? 1 : 0) > line_limit()) refuse_long_line();
        return bytes.size();
    }
    std::string_view line = bytes.substr(0, end);
    if (!line_.empty()) line = line_.append(line);
    const bool crlf = line.ends_with('\r');
    if (crlf) line.remove_suffix(1);
    if (line.size() > line_limit())
        refuse_long_line();
    else if (!crlf)
        malformed("a line ends without CRLF");
    else
        take_line(line);
    line_.clear();
    return end + 1;
}

/// Of one line without its CRLF. A section's limit is held over all its lines by `take_field`.
std::size_t RequestParser::line_limit() const {
    switch (step_) {
        case Step::request_line:
            return limits_->request_line;
        case Step::field:
        case Step::trailer:
            return limits_->header_bytes;
        default:
            return max_chunk_line;
    }
}

bool RequestParser::refuse_long_line() {
    switch (step_) {
        case Step::request_line:
            return refuse(414, "request-line-too-long", "the request line is too long");
        case Step::field:
        case Step::trailer:
            return refuse(431, "headers-too-large", "the header section is too large");
        default:
            return malformed("a chunk's size line is too long");
    }
}

bool RequestParser::take_line(std::string_view line) {
    switch (step_) {
        case Step::request_line:
            return take_request_line(line);
        case Step::chunk_size:
            return take_chunk_size(line);
        case Step::chunk_end:
            step_ = Step::chunk_size;
            return line.empty() || malformed("a chunk is longer than its size");
        default:
            return take_field(line);
    }
}

bool RequestParser::take_request_line(std::string_view line) {
    if (line.empty()) {  // RFC 9112 §2.2: one empty line before a request is a known habit of old clients
        if (std::exchange(blank_line_seen_, true)) return malformed("empty lines before the request");
        return true;
    }
    const auto first = line.find(' '), last = line.rfind(' ');
    const auto method = line.substr(0, first);
    if (first == std::string_view::npos || first == last || !is_token(method))
        return malformed("the request line is malformed");
    const auto target = line.substr(first + 1, last - first - 1), version = line.substr(last + 1);
    if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' ||
        !is_digit(version[7]))
        return malformed("the request line has no HTTP version");
    if (version[5] != '1')
        return refuse(505, "unsupported-version", "only HTTP/1.1 and HTTP/1.0 are spoken here");
    message_.http_1_0 = version[7] == '0';
    std::size_t m = 0;
    while (m < method_count && method_name(static_cast<Method>(m)) != method) ++m;
    if (m == method_count) return refuse(501, "unknown-method", "this method is not known here");
    message_.method = static_cast<Method>(m);
    if (const char* wrong = parse_target(target, message_.method == Method::options, message_.target))
        return refuse(400, "malformed-target", wrong);
    message_.headers.reserve(8);
    step_ = Step::field;
    return true;
}

bool RequestParser::take_field(std::string_view line) {
    section_bytes_ += line.size() + (line.empty() ? 0 : 2);
    if (section_bytes_ > limits_->header_bytes)
        return refuse(431, "headers-too-large", "the header section is too large");
    if (line.empty()) {
        if (step_ == Step::field) return finish_head();
        state_ = State::done;
        return true;
    }
    if (++section_fields_ > limits_->headers)
        return refuse(431, "too-many-headers", "the request has too many header fields");
    if (line[0] == ' ' || line[0] == '\t') return malformed("folded header lines are not accepted");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        return malformed("a header line has no valid name");
    const auto value = trim(line.substr(colon + 1));
    if (has_forbidden_byte(value)) return malformed("control character in a header");
    if (step_ == Step::trailer) return true;
    auto& [name, kept] = message_.headers.emplace_back(line.substr(0, colon), value);
    std::ranges::transform(name, name.begin(), to_lower);
    return true;
}

bool RequestParser::take_chunk_size(std::string_view line) {
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < line.size() && hex_value(line[digits]) >= 0; ++digits) {
        if (size >> 60 != 0) return refuse(413, "body-too-large", "the body is too large");
        size = size * 16 + static_cast<std::uint64_t>(hex_value(line[digits]));
    }
    const auto extensions = line.substr(digits);
    extension_bytes_ += extensions.size();
    if (digits == 0 || has_forbidden_byte(line) || !valid_chunk_extensions(extensions) ||
        extension_bytes_ > limits_->header_bytes)
        return malformed("a chunk's size line is malformed");
    if (size > limits_->body - message_.body.size())
        return refuse(413, "body-too-large", "the body is too large");
    body_left_ = size;
    section_bytes_ = section_fields_ = 0;
    step_ = size == 0 ? Step::trailer : Step::chunk_data;
    return true;
}

std::size_t RequestParser::feed_body(std::string_view bytes) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, bytes.size()));
    message_.body.append(bytes.substr(0, taken));
    body_left_ -= taken;
    if (body_left_ != 0) return taken;
    if (step_ == Step::fixed_body)
        state_ = State::done;
    else
        step_ = Step::chunk_end;
    return taken;
}

bool RequestParser::finish_head() {
    if (!check_host() || !check_connection() || !check_framing() || !check_expect()) return false;
    if (step_ == Step::field) {  // no framing header: RFC 9112 §6.3, the body is empty
        state_ = State::done;
    } else if (step_ == Step::fixed_body) {
        state_ = body_left_ == 0 ? State::done : State::body;
    } else {
        state_ = State::body;
    }
    return true;
}

bool RequestParser::check_host() {
    std::string* host = nullptr;
    for (auto& [name, value] : message_.headers) {
        if (name != "host") continue;
        if (host != nullptr) return malformed("more than one Host header");
        host = &value;
    }
    if (host == nullptr && !message_.http_1_0) return malformed("HTTP/1.1 needs a Host header");
    if (host != nullptr && !valid_authority(*host)) return malformed("the Host header is malformed");
    if (message_.target.authority.empty()) return true;
    if (host != nullptr)
        *host = message_.target.authority;  // RFC 9112 §3.2.2: the target's authority wins
    else
        message_.headers.emplace_back("host", message_.target.authority);
    return true;
}

bool RequestParser::check_connection() {
    bool close = false, keep = false;
    for (const auto& [name, value] : message_.headers) {
        if (name != "connection") continue;
        each_list_element(value, [&](std::string_view option) {
            close = close || equal_ignoring_case(option, "close");
            keep = keep || equal_ignoring_case(option, "keep-alive");
        });
    }
    message_.keep_alive = !close && (keep || !message_.http_1_0);
    return true;
}

bool RequestParser::check_expect() {
    for (const auto& [name, value] : message_.headers) {
        if (name != "expect") continue;
        if (!equal_ignoring_case(value, "100-continue"))
            return refuse(417, "expectation-failed", "only 100-continue can be expected");
        expects_continue_ = !message_.http_1_0;  // RFC 9110 §10.1.1: a 1.0 client cannot mean it
    }
    return true;
}

bool RequestParser::check_framing() {
    const std::string* encoding = nullptr;
    const std::string* length = nullptr;
    for (const auto& [name, value] : message_.headers) {
        const std::string** seen = name == "content-length"      ? &length
                                   : name == "transfer-encoding" ? &encoding
                                                                 : nullptr;
        if (seen == nullptr) continue;
        if (*seen != nullptr) return malformed("a header that frames the body is given twice");
        *seen = &value;
    }
    if (length != nullptr && encoding != nullptr)
        return malformed("both Content-Length and Transfer-Encoding are given");
    if (length != nullptr) return take_content_length(*length);
    if (encoding == nullptr) return true;
    if (message_.http_1_0) return malformed("HTTP/1.0 has no Transfer-Encoding");
    if (equal_ignoring_case(*encoding, "chunked")) {
        step_ = Step::chunk_size;
        return true;
    }
    // A coding before a final "chunked" is well framed, only unknown; anything else has no end that both
    // sides agree on.
    std::size_t codings = 0, chunked = 0;
    bool last = false, tokens = true;
    each_list_element(*encoding, [&](std::string_view coding) {
        last = equal_ignoring_case(coding, "chunked");
        ++codings, chunked += last;
        tokens = tokens && is_token(coding);
    });
    if (chunked == 1 && last && tokens && codings > 1)
        return refuse(501, "unknown-transfer-coding", "only the chunked transfer coding is understood");
    return malformed("Transfer-Encoding is not chunked");
}

bool RequestParser::take_content_length(std::string_view text) {
    if (text.empty() || !std::ranges::all_of(text, is_digit)) return malformed("Content-Length is no number");
    const auto length = parse_number<std::uint64_t>(text);  // empty beyond 64 bits: certainly too large
    if (!length || *length > limits_->body) return refuse(413, "body-too-large", "the body is too large");
    body_left_ = *length;
    step_ = Step::fixed_body;
    return true;
}

bool RequestParser::refuse(int status, std::string_view code, std::string_view detail) {
    refusal_ = {status, code, detail};
    state_ = State::failed;
    return false;
}

void RequestParser::reset() {
    *this = RequestParser{*limits_};
}

}  // namespace stepcast::wire

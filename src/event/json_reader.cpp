#include "event/json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>

#include "base/text.hpp"
#include "event/foreign_text.hpp"
#include "event/plain_text.hpp"

namespace stepcast::event {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// What a person sees at this place.
std::string shown(std::string_view text, std::size_t at) {
    if (at >= text.size()) return "the text ends";
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c == 0x7F) return fmt::format("the byte 0x{:02X} stands", c);
    std::size_t length = 1;
    while (at + length < text.size() && (static_cast<unsigned char>(text[at + length]) & 0xC0) == 0x80)
        ++length;
    return fmt::format("'{}' stands", text.substr(at, length));
}

// Of a number's exponent with its letter, or of nothing. What is beyond any number of ours comes out as that.
std::int64_t exponent_of(std::string_view text) {
    constexpr std::int64_t beyond = std::int64_t{1} << 40;
    if (text.empty()) return 0;
    text.remove_prefix(text.size() > 1 && text[1] == '+' ? 2 : 1);
    const auto number = parse_number<std::int64_t>(text);
    if (number) return std::clamp(*number, -beyond, beyond);
    return text.starts_with('-') ? -beyond : beyond;
}

}  // namespace

Error JsonReader::error() const {
    assert(failed());
    if (too_deep_) return {json_errc::too_deep, {}, make_error_code(json_errc::too_deep).message()};
    return {json_errc::malformed,
            {},
            fmt::format("not valid JSON: at byte {} {} where {} is expected", at_ + 1, shown(text_, at_),
                        expected_)};
}

bool JsonReader::fault(const char* expected) {
    expected_ = expected;
    return false;
}

void JsonReader::space() {
    const auto is_space = [](char c) {
        return c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
    };
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

bool JsonReader::open(char bracket) {
    space();
    if (here() != bracket) return false;
    ++at_;
    return true;
}

// To the next member or element of the outermost level; behind the last one nothing may follow.
bool JsonReader::next(char close) {
    if (failed()) return false;
    space();
    if (here() == close) {
        ++at_;
        end();
        return false;
    }
    if (!std::exchange(first_, false)) {
        if (here() != ',') return fault(close == '}' ? "',' or '}'" : "',' or ']'");
        ++at_;
        space();
    }
    return true;
}

bool JsonReader::end() {
    space();
    return at_ == text_.size() || fault("the end of the text");
}

bool JsonReader::next_member(std::string_view& key, std::string_view& text) {
    if (!next('}')) return false;
    const auto key_at = at_;
    if (!name()) return false;
    key = text_.substr(key_at, name_end_ - key_at);
    const auto value_at = at_;
    if (!value(1)) return false;
    text = text_.substr(value_at, at_ - value_at);
    return true;
}

bool JsonReader::next_element(std::string_view& text) {
    if (!next(']')) return false;
    const auto value_at = at_;
    if (!value(1)) return false;
    text = text_.substr(value_at, at_ - value_at);
    return true;
}

bool JsonReader::only_value(std::string_view& text) {
    space();
    const auto value_at = at_;
    if (!value(0)) return false;
    text = text_.substr(value_at, at_ - value_at);
    return end();
}

// `depth`: levels that are open around the value.
bool JsonReader::value(std::size_t depth) {
    switch (here()) {
        case '{':
        case '[':
            if (depth == max_depth_) {
                too_deep_ = true;
                return fault("less nesting");
            }
            return here() == '{' ? members(depth + 1) : elements(depth + 1);
        case '"':
            return string();
        case 't':
            return literal("true");
        case 'f':
            return literal("false");
        case 'n':
            return literal("null");
        default:
            if (here() == '-' || is_digit(here())) return number();
            return fault("a value");
    }
}

bool JsonReader::members(std::size_t depth) {
    ++at_;
    space();
    if (here() != '}') {
        for (;;) {
            if (!name() || !value(depth)) return false;
            space();
            if (here() != ',') break;
            ++at_;
            space();
        }
        if (here() != '}') return fault("',' or '}'");
    }
    ++at_;
    return true;
}

bool JsonReader::elements(std::size_t depth) {
    ++at_;
    space();
    if (here() != ']') {
        for (;;) {
            if (!value(depth)) return false;
            space();
            if (here() != ',') break;
            ++at_;
            space();
        }
        if (here() != ']') return fault("',' or ']'");
    }
    ++at_;
    return true;
}

// A member's name and everything up to its value.
bool JsonReader::name() {
    if (here() != '"') return fault("a member's name in quotes");
    if (!string()) return false;
    name_end_ = at_;
    space();
    if (here() != ':') return fault("':'");
    ++at_;
    space();
    return true;
}

bool JsonReader::string() {
    for (++at_;; ++at_) {
        at_ += plain_prefix(text_.substr(at_));
        if (at_ >= text_.size()) return fault("the string's closing quote");
        if (text_[at_] == '"') break;
        if (text_[at_] != '\\') return fault("an escape, as for every control character in a string,");
        if (!escape()) return false;
    }
    ++at_;
    return true;
}

// To the escape's last character.
bool JsonReader::escape() {
    ++at_;
    if (here() != 'u') {
        const bool known =
            at_ < text_.size() && std::string_view{"\"\\/bfnrt"}.find(text_[at_]) != std::string_view::npos;
        return known || fault("one of \" \\ / b f n r t u");
    }
    unsigned unit = 0;
    if (!hex(unit)) return false;
    if (unit < 0xD800 || unit > 0xDFFF) return true;
    const auto begin = at_ - 5;
    unsigned low = 0;
    if (unit < 0xDC00 && text_.substr(at_ + 1, 2) == "\\u") {
        at_ += 2;
        if (!hex(low)) return false;
        if (low >= 0xDC00 && low <= 0xDFFF) return true;
    }
    at_ = begin;
    return fault("a character and no half of a surrogate pair");
}

bool JsonReader::hex(unsigned& unit) {
    for (int i = 0; i < 4; ++i) {
        ++at_;
        const char c = here();
        unsigned digit = 0;
        if (is_digit(c))
            digit = static_cast<unsigned>(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = static_cast<unsigned>((c | 0x20) - 'a' + 10);
        else
            return fault("a hexadecimal digit");
        unit = unit * 16 + digit;
    }
    return true;
}

bool JsonReader::digits() {
    if (!is_digit(here())) return fault("a digit");
    while (is_digit(here())) ++at_;
    return true;
}

bool JsonReader::number() {
    if (here() == '-') ++at_;
    if (here() == '0')
        ++at_;
    else if (!digits())
        return false;
    if (here() == '.') {
        ++at_;
        if (!digits()) return false;
    }
    if (here() == 'e' || here() == 'E') {
        ++at_;
        if (here() == '+' || here() == '-') ++at_;
        if (!digits()) return false;
    }
    return true;
}

bool JsonReader::literal(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return fault("a value");
    at_ += word.size();
    return true;
}

result<std::string_view> received_json(std::string_view bytes) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (bytes.starts_with(byte_order_mark)) bytes.remove_prefix(byte_order_mark.size());
    if (may_be_foreign(bytes))
        if (auto told = describe_foreign(bytes); !told.empty())
            return fail(json_errc::malformed, {}, std::move(told));
    if (const auto valid = valid_utf8_prefix(bytes); valid != bytes.size())
        return fail(json_errc::bad_utf8, {},
                    fmt::format("the text is not valid UTF-8: at byte {} stands 0x{:02X}", valid + 1,
                                static_cast<unsigned char>(bytes[valid])));
    return bytes;
}

std::optional<std::int64_t> json_whole(std::string_view value) {
    if (!is_json_number(value)) return std::nullopt;
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    if (const auto plain = parse_number<std::int64_t>(value); plain && *plain >= -most) return plain;
    const bool negative = value.front() == '-';
    if (negative) value.remove_prefix(1);
    const auto mantissa = value.substr(0, value.find_first_of("eE"));
    const auto last = mantissa.find_last_not_of("0.");  // its last digit that counts
    if (last == mantissa.npos) return 0;
    const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
    // How far behind the point that digit stands: 0 is the place of ones, 1 that of tenths.
    const std::int64_t behind = static_cast<std::int64_t>(last) - point;
    std::int64_t zeros = exponent_of(value.substr(mantissa.size())) - (behind < 0 ? behind + 1 : behind);
    if (zeros < 0) return std::nullopt;
    std::int64_t number = 0;
    const auto append = [&number](int digit) {
        number = number > (most - digit) / 10 ? most : number * 10 + digit;
        return number != most;
    };
    for (const char c : mantissa.substr(0, last + 1))
        if (c != '.' && !append(c - '0')) break;
    while (number != 0 && zeros-- > 0 && append(0)) {
    }
    return negative ? -number : number;
}

result<void> read_members(std::string_view text, std::span<const std::string_view> names,
                          std::span<std::string_view> values, std::size_t max_depth) {
    assert(names.size() == values.size());
    JsonReader reader{text, max_depth};
    std::string_view key, value;
    if (!reader.open_object()) {
        if (reader.only_value(value)) return fail(json_errc::not_an_object, {}, "must be a JSON object");
        return tl::unexpected{reader.error()};
    }
    std::string unescaped;
    auto next = names.begin();  // members often come in the order of the names
    while (reader.next_member(key, value)) {
        std::string_view name = key.substr(1, key.size() - 2);
        auto found = std::find(next, names.end(), name);
        if (found == names.end() && name.find('\\') != name.npos) {
            unescaped.clear();
            append_json_content(unescaped, key);
            name = unescaped;
        }
        if (found == names.end()) found = std::ranges::find(names, name);
        if (found == names.end()) continue;
        values[static_cast<std::size_t>(found - names.begin())] =
            value == "null" ? std::string_view{} : value;
        next = found + 1;
    }
    if (reader.failed()) return tl::unexpected{reader.error()};
    return {};
}

}  // namespace stepcast::event

#include "event/json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/error_category.hpp"
#include "base/text.hpp"
#include "event/plain_text.hpp"

namespace stepcast::event {
namespace {

void append_double(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out += "null";  // JSON has no other word for it; a parsed 1e999 is refused before
        return;
    }
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_members(std::string& out, const boost::json::object& object, Members members) {
    std::vector<const boost::json::key_value_pair*> sorted;
    if (members == Members::by_name) {
        for (const auto& member : object) sorted.push_back(&member);
        std::ranges::sort(sorted, {}, [](const auto* member) { return std::string_view{member->key()}; });
    }
    for (std::size_t i = 0; i < object.size(); ++i) {
        const auto& member = sorted.empty() ? object.begin()[i] : *sorted[i];
        out += i == 0 ? '{' : ',';
        append_json_string(out, member.key());
        out += ':';
        append_json_value(out, member.value(), members);
    }
    if (object.empty()) out += '{';
    out += '}';
}

}  // namespace

std::error_code make_error_code(json_errc e) {
    static const ErrorCategory<json_errc> category{
        "json",
        {{json_errc::malformed, "not valid JSON"},
         {json_errc::too_deep, "JSON nested deeper than 64 levels"},
         {json_errc::bad_utf8, "not valid UTF-8"},
         {json_errc::not_an_object, "not a JSON object"}}};
    return category.code(e);
}

result<boost::json::value> parse_json(std::string_view text, boost::json::storage_ptr storage) {
    if (!valid_utf8(text)) return fail(json_errc::bad_utf8, {}, "the text is not valid UTF-8");
    boost::json::parse_options options;
    options.max_depth = max_json_depth;
    unsigned char scratch[1024];
    boost::json::parser parser{{}, options, scratch, sizeof scratch};
    parser.reset(std::move(storage));  // the constructor's is only for its own needs
    boost::system::error_code error;
    parser.write(text.data(), text.size(), error);
    if (!error) return parser.release();
    if (error == boost::json::error::too_deep)
        return fail(json_errc::too_deep, {}, make_error_code(json_errc::too_deep).message());
    return fail(json_errc::malformed, {}, "not valid JSON: " + error.message());
}

void append_json_string(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    out += '"';
    std::size_t plain = 0;  // start of the run that needs no escape
    for (std::size_t i = 0; i < text.size(); ++i) {
        i += plain_prefix<true>(text.substr(i));
        if (i == text.size()) break;
        const auto c = static_cast<unsigned char>(text[i]);
        const bool separator =
            c == 0xE2 && (text.substr(i, 3) == "\xE2\x80\xA8" || text.substr(i, 3) == "\xE2\x80\xA9");
        if (c >= 0x20 && c != '"' && c != '\\' && !separator) continue;
        out.append(text.substr(plain, i - plain));
        out += '\\';
        if (c == '"' || c == '\\')
            out += static_cast<char>(c);
        else if (c == '\n')
            out += 'n';
        else if (c == '\r')
            out += 'r';
        else if (c == '\t')
            out += 't';
        else if (separator)
            out.append("u202").append(1, text[i + 2] == '\xA8' ? '8' : '9'), i += 2;
        else
            out.append("u00").append(1, hex[c >> 4]).append(1, hex[c & 15]);
        plain = i + 1;
    }
    out.append(text.substr(plain));
    out += '"';
}

void append_json_value(std::string& out, const boost::json::value& value, Members members) {
    switch (value.kind()) {
        case boost::json::kind::null:
            out += "null";
            return;
        case boost::json::kind::bool_:
            out += value.get_bool() ? "true" : "false";
            return;
        case boost::json::kind::int64:
            append_number(out, value.get_int64());
            return;
        case boost::json::kind::uint64:
            append_number(out, value.get_uint64());
            return;
        case boost::json::kind::double_:
            append_double(out, value.get_double());
            return;
        case boost::json::kind::string:
            append_json_string(out, value.get_string());
            return;
        case boost::json::kind::array: {
            char separator = '[';
            for (const auto& element : value.get_array()) {
                out += separator, separator = ',';
                append_json_value(out, element, members);
            }
            if (separator == '[') out += '[';
            out += ']';
            return;
        }
        case boost::json::kind::object: {
            append_members(out, value.get_object(), members);
            return;
        }
    }
}

boost::json::value json_of_bytes(std::string_view bytes) {
    if (valid_utf8(bytes)) return boost::json::string{bytes};
    return boost::json::object{{"hex", hex_of(bytes)}};
}

}  // namespace stepcast::event

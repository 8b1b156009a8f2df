#include "wire/target.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "wire/chars.hpp"

namespace stepcast::wire {
namespace {

constexpr const char* bad_utf8 = "the target is not valid UTF-8";
/// Each costs much more than the two bytes that it takes to send one.
constexpr std::size_t max_parameters = 100;

bool is_unreserved(char c) {
    const char l = to_lower(c);
    return is_digit(c) || (l >= 'a' && l <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
}

const char* parse_path(std::string_view text, Target& out) {
    if (text.find('%') == std::string_view::npos) {
        out.path = text;
    } else {
        // Decoded piece by piece, so that an escaped slash is told from a separator.
        std::size_t start = 0;
        for (std::size_t at = 0; at <= text.size(); ++at) {
            const bool escaped = at + 2 < text.size() && text[at] == '%' && text[at + 1] == '2' &&
                                 to_lower(text[at + 2]) == 'f';
            if (at != text.size() && !escaped) continue;
            if (const char* wrong = percent_decode(text.substr(start, at - start), false, out.path))
                return wrong;
            if (!escaped) break;
            out.escaped_slashes.push_back(static_cast<std::uint32_t>(out.path.size()));
            out.path += '/';
            at += 2, start = at + 1;
        }
    }
    return valid_utf8(out.path) ? nullptr : bad_utf8;
}

const char* parse_query(std::string_view text, Target& out) {
    while (!text.empty()) {
        const auto piece = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(text.size(), piece.size() + 1));
        if (piece.empty()) continue;
        if (out.query.size() == max_parameters) return "more than 100 query parameters";
        auto& [name, value] = out.query.emplace_back();
        const auto equals = piece.find('=');
        if (const char* wrong = percent_decode(piece.substr(0, equals), true, name)) return wrong;
        if (equals != std::string_view::npos)
            if (const char* wrong = percent_decode(piece.substr(equals + 1), true, value)) return wrong;
        if (!valid_utf8(name) || !valid_utf8(value)) return bad_utf8;
    }
    return nullptr;
}

/// Moves an absolute-form target's scheme and authority out of `text`.
const char* take_authority(std::string_view& text, Target& out) {
    const auto scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) return "the target is no path";
    const auto scheme = text.substr(0, scheme_end);
    if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https"))
        return "unknown scheme in the target";
    text.remove_prefix(scheme_end + 3);
    const auto authority = text.substr(0, text.find_first_of("/?"));
    if (!valid_authority(authority)) return "invalid authority in the target";
    out.authority = authority;
    text.remove_prefix(authority.size());
    return nullptr;
}

}  // namespace

const char* parse_target(std::string_view text, bool is_options, Target& out) {
    if (text == "*") {
        out.path = "*";
        return is_options ? nullptr : "only OPTIONS may ask for *";
    }
    if (std::ranges::any_of(text, [](char c) { return is_control(c) || c == ' ' || c == '#'; }))
        return "forbidden character in the target";
    if (text.empty() || text[0] != '/')
        if (const char* wrong = take_authority(text, out)) return wrong;
    const auto question = text.find('?');
    const auto path = text.substr(0, question);
    if (const char* wrong = parse_path(path.empty() ? "/" : path, out)) return wrong;
    return question == std::string_view::npos ? nullptr : parse_query(text.substr(question + 1), out);
}

const char* percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0) return "bad percent escape in the target";
            c = static_cast<char>(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (is_control(c)) return "control character in the target";
        out += c;
    }
    return nullptr;
}

void append_percent_encoded(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_unreserved(c))
            out += c;
        else
            out.append(1, '%').append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
    }
}

bool valid_authority(std::string_view text) {
    if (text.empty()) return false;
    std::size_t host_end = 0;
    if (text[0] == '[') {
        host_end = text.find(']');
        if (host_end == std::string_view::npos || host_end < 3) return false;
        for (const char c : text.substr(1, host_end - 1))
            if (hex_value(c) < 0 && c != ':' && c != '.') return false;
        ++host_end;
    } else {
        while (host_end < text.size() && text[host_end] != ':') {
            const char c = text[host_end];
            if (c == '%') {
                if (host_end + 2 >= text.size() || hex_value(text[host_end + 1]) < 0 ||
                    hex_value(text[host_end + 2]) < 0)
                    return false;
            } else if (!is_unreserved(c) &&
                       std::string_view{"!$&'()*+,;="}.find(c) == std::string_view::npos) {
                return false;
            }
            ++host_end;
        }
        if (host_end == 0) return false;
    }
    if (host_end == text.size()) return true;
    if (text[host_end] != ':') return false;
    const auto port = text.substr(host_end + 1);
    return port.empty() || (std::ranges::all_of(port, is_digit) && parse_number<std::uint16_t>(port));
}

}  // namespace stepcast::wire

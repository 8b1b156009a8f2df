#include "http/forwarded.hpp"

#include <algorithm>
#include <string>

#include "base/text.hpp"
#include "http/networks.hpp"
#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

constexpr std::string_view no_node = "names no address, such as 192.0.2.1 or \"[2001:db8::1]:443\"";
constexpr std::string_view no_element = "is no list of name=value pairs";

bool is_obfuscated(std::string_view text) {
    const auto allowed = [](char c) {
        const char l = wire::to_lower(c);
        return (l >= 'a' && l <= 'z') || wire::is_digit(c) || c == '.' || c == '_' || c == '-';
    };
    return text.size() > 1 && text.starts_with('_') && std::ranges::all_of(text, allowed);
}

bool is_port(std::string_view text) {
    constexpr std::size_t most_digits = 5;
    return is_obfuscated(text) ||
           (!text.empty() && text.size() <= most_digits && std::ranges::all_of(text, wire::is_digit) &&
            parse_number<std::uint16_t>(text));
}

bool is_escaped(std::string_view text, std::size_t at) {
    std::size_t backslashes = 0;
    while (backslashes < at && text[at - backslashes - 1] == '\\') ++backslashes;
    return backslashes % 2 != 0;
}

/// Takes a token or a quoted string off the front; empty if neither stands there.
std::optional<std::string> take_value(std::string_view& text) {
    std::string value;
    if (!text.starts_with('"')) {
        const auto end = std::ranges::find_if_not(text, wire::is_token_char) - text.begin();
        if (end == 0) return std::nullopt;
        value = text.substr(0, static_cast<std::size_t>(end));
        text.remove_prefix(value.size());
        return value;
    }
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return value;
        }
        if (text[i] == '\\' && ++i == text.size()) break;
        value += text[i];
    }
    return std::nullopt;
}

}  // namespace

result<std::optional<asio::ip::address>, std::string_view> read_node(std::string_view text) {
    using Node = std::optional<asio::ip::address>;
    std::string_view name = text, port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return tl::unexpected{no_node};
        name = text.substr(1, end - 1);
        const auto rest = text.substr(end + 1);
        has_port = !rest.empty();
        if (has_port && rest[0] != ':') return tl::unexpected{no_node};
        if (has_port) port = rest.substr(1);
        if (name.find(':') == std::string_view::npos) return tl::unexpected{no_node};
    } else if (const auto colon = text.find(':');
               colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
        name = text.substr(0, colon);
        port = text.substr(colon + 1);
        has_port = true;
    }
    if (has_port && !is_port(port)) return tl::unexpected{no_node};
    if (is_obfuscated(name) || wire::equal_ignoring_case(name, "unknown")) return Node{};
    const auto address = read_address(name);
    if (!address) return tl::unexpected{no_node};
    return Node{*address};
}

result<Hop, std::string_view> read_forwarded(std::string_view element) {
    Hop hop;
    bool has_node = false;
    while (!element.empty()) {
        const auto equals = element.find('=');
        if (equals == std::string_view::npos || !wire::is_token(element.substr(0, equals)))
            return tl::unexpected{no_element};
        const auto name = element.substr(0, equals);
        element.remove_prefix(equals + 1);
        const auto value = take_value(element);
        if (!value) return tl::unexpected{no_element};
        if (wire::equal_ignoring_case(name, "for")) {
            if (std::exchange(has_node, true))
                return tl::unexpected{std::string_view{"has `for` twice in one element"}};
            auto node = read_node(*value);
            if (!node) return tl::unexpected{node.error()};
            hop.address = *node;
        } else if (wire::equal_ignoring_case(name, "proto")) {
            if (hop.secure) return tl::unexpected{std::string_view{"has `proto` twice in one element"}};
            hop.secure = wire::equal_ignoring_case(*value, "https");
        }
        element = wire::trim(element);
        if (element.empty()) break;
        if (element[0] != ';') return tl::unexpected{no_element};
        element = wire::trim(element.substr(1));
    }
    return hop;
}

std::string_view take_last_element(std::string_view& list) {
    bool quoted = false;
    for (std::size_t i = list.size(); i-- > 0;) {
        if (list[i] == '"' && !(quoted && is_escaped(list, i))) quoted = !quoted;
        if (list[i] != ',' || quoted) continue;
        const auto element = list.substr(i + 1);
        list = list.substr(0, i);
        return wire::trim(element);
    }
    return wire::trim(std::exchange(list, {}));
}

}  // namespace stepcast::http

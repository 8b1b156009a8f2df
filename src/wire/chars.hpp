#pragma once
#include <array>
#include <string_view>

#include "base/scan.hpp"

namespace stepcast::wire {

/// RFC 9110 `tchar`: what methods, field names and parameter names are made of.
constexpr bool is_token_char(char c) {
    constexpr auto table = [] {
        std::array<bool, 256> is{};
        for (char a = '0'; a <= '9'; ++a) is[static_cast<unsigned char>(a)] = true;
        for (char a = 'a'; a <= 'z'; ++a) is[static_cast<unsigned char>(a)] = true;
        for (char a = 'A'; a <= 'Z'; ++a) is[static_cast<unsigned char>(a)] = true;
        for (const char a : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
            is[static_cast<unsigned char>(a)] = true;
        return is;
    }();
    return table[static_cast<unsigned char>(c)];
}

constexpr bool is_token(std::string_view text) {
    for (const char c : text)
        if (!is_token_char(c)) return false;
    return !text.empty();
}

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// ASCII case folding only, as HTTP wants it.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    return true;
}

/// C0 controls and DEL.
constexpr bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// How many bytes at the beginning of `text` may stand in a field's value: before the first C0 control other
/// than the tab, or DEL.
inline std::size_t value_prefix(std::string_view text) {
    return prefix_without(text,
                          [](Bytes16 bytes) { return ((bytes < 0x20) & (bytes != '\t')) | (bytes == 0x7F); });
}

/// Without the spaces and tabs at both ends.
constexpr std::string_view trim(std::string_view text) {
    const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

constexpr int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    const char l = to_lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// Calls `visit` with each trimmed element of a comma-separated list, empty ones left out (RFC 9110 §5.6.1).
template <class Visit>
constexpr void each_list_element(std::string_view list, Visit visit) {
    while (true) {
        const auto comma = list.find(',');
        if (const auto element = trim(list.substr(0, comma)); !element.empty()) visit(element);
        if (comma == std::string_view::npos) return;
        list.remove_prefix(comma + 1);
    }
}

}  // namespace stepcast::wire

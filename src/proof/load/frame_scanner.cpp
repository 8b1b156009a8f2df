#include "proof/load/frame_scanner.hpp"

#include <charconv>
#include <cstring>

#include "base/text.hpp"

namespace stepcast::proof {
namespace {

std::string_view after(std::string_view line, std::size_t name) {
    line.remove_prefix(name);
    if (line.starts_with(' ')) line.remove_prefix(1);
    return line;
}

/// What stands behind `"name":`; empty if nothing does.
std::string_view value_of(std::string_view json, std::string_view quoted_name) {
    const void* at = memmem(json.data(), json.size(), quoted_name.data(), quoted_name.size());
    if (at == nullptr) return {};
    json.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(at) - json.data()) +
                       quoted_name.size());
    return json.starts_with(':') ? json.substr(1) : std::string_view{};
}

}  // namespace

std::size_t FrameScanner::find_blank_line(std::string_view text, std::size_t from) {
    while (from < text.size()) {
        const void* at = std::memchr(text.data() + from, '\n', text.size() - from);
        if (at == nullptr) break;
        from = static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
        if (from + 1 < text.size() && text[from + 1] == '\n') return from;
        ++from;
    }
    return text.npos;
}

FrameView FrameScanner::parse(std::string_view frame) {
    FrameView out;
    while (!frame.empty()) {
        const auto end = frame.find('\n');
        const auto line = frame.substr(0, end);
        if (line.starts_with("data:")) {
            out.data = after(line, 5);
        } else if (line.starts_with("id:")) {
            out.id = after(line, 3);
            out.has_id = true;
        } else if (line.starts_with("event:")) {
            out.event = after(line, 6);
        } else if (line.starts_with("retry:")) {
            out.retry_ms = parse_number<std::uint32_t>(after(line, 6));
        }
        frame.remove_prefix(end == frame.npos ? frame.size() : end + 1);
    }
    return out;
}

std::optional<std::uint64_t> find_number(std::string_view json, std::string_view quoted_name) {
    const auto text = value_of(json, quoted_name);
    std::uint64_t number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{})
        return std::nullopt;
    return number;
}

std::string_view find_text(std::string_view json, std::string_view quoted_name) {
    const auto text = value_of(json, quoted_name);
    if (!text.starts_with('"')) return {};
    return text.substr(1, text.find('"', 1) - 1);
}

}  // namespace stepcast::proof

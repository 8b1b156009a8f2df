#pragma once
#include <span>
#include <string>
#include <string_view>

namespace stepcast::event {

/// A named value beside a message. Names may repeat; their order counts. Stands here because store and bus,
/// which are one floor, both carry them.
struct Header {
    std::string name;
    std::string value;
    friend bool operator==(const Header&, const Header&) = default;
};

/// The same, read where it lies.
struct HeaderView {
    std::string_view name;
    std::string_view value;
};

/// Bytes of all names and values.
inline std::size_t text_size(std::span<const Header> headers) {
    std::size_t bytes = 0;
    for (const auto& [name, value] : headers) bytes += name.size() + value.size();
    return bytes;
}

}  // namespace stepcast::event

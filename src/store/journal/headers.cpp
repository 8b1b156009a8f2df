#include "store/journal/headers.hpp"

#include <sqlite3.h>

#include <cstdint>

#include "store/journal/sqlite.hpp"

namespace stepcast::store {
namespace {

constexpr std::size_t length_bytes = 4;  // the lowest first

void put(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < length_bytes; ++i) out.push_back(static_cast<char>(text.size() >> (8 * i)));
    out += text;
}

std::string take(std::string_view& bytes) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < std::min(bytes.size(), length_bytes); ++i)
        length |= std::size_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    if (bytes.size() < length_bytes || bytes.size() - length_bytes < length)
        throw SqliteError{SQLITE_CORRUPT, "the headers of a pending message are cut short"};
    std::string text{bytes.substr(length_bytes, length)};
    bytes.remove_prefix(length_bytes + length);
    return text;
}

}  // namespace

std::string encode_headers(std::span<const event::Header> headers) {
    std::string bytes;
    for (const auto& [name, value] : headers) {
        put(bytes, name);
        put(bytes, value);
    }
    return bytes;
}

std::vector<event::Header> decode_headers(std::string_view bytes) {
    std::vector<event::Header> headers;
    while (!bytes.empty()) {
        auto name = take(bytes);
        headers.push_back({std::move(name), take(bytes)});
    }
    return headers;
}

}  // namespace stepcast::store

#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/header.hpp"

namespace stepcast::store {

/// Headers as a journal's column holds them: a name and a value after the other, each with its length before
/// it, so that any bytes come back. None are empty bytes.
std::string encode_headers(std::span<const event::Header> headers);
/// Throws SqliteError for bytes that no encode_headers made.
std::vector<event::Header> decode_headers(std::string_view bytes);

}  // namespace stepcast::store

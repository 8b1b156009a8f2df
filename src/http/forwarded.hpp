#pragma once
#include <asio/ip/address.hpp>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace stepcast::http {

/// For whom, and by which scheme, a proxy says that it speaks: one element of its header.
struct Hop {
    std::optional<asio::ip::address> address{};  ///< none: it does not know, or hides it ("unknown", "_x")
    std::optional<bool> secure{};                ///< by https; none: it does not say
};

/// A node of Forwarded (RFC 7239 §6) or X-Forwarded-For: an address, with or without a port; IPv6 in brackets
/// or, which only the older header has, without; "unknown", or an obfuscated name. The error is a literal.
result<std::optional<asio::ip::address>, std::string_view> read_node(std::string_view text);

/// One element of Forwarded (RFC 7239 §4). Parameters other than `for` and `proto` are only held to the
/// grammar.
result<Hop, std::string_view> read_forwarded(std::string_view element);

/// Takes the last element off a comma-separated list; trimmed, empty where nothing stands between two commas.
/// Quotes are looked at from the right: what a client wrote before cannot swallow what a proxy added.
std::string_view take_last_element(std::string_view& list);

}  // namespace stepcast::http

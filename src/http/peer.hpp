#pragma once
#include <asio/ip/address.hpp>
#include <optional>
#include <string>

namespace stepcast::aio {
class Transport;
}

namespace stepcast::http {

/// Who asks: the other end of the connection, or whom a proxy that is trusted names in its place.
struct Peer {
    std::optional<asio::ip::address> address{};  ///< none: a local socket's, or of whom a proxy does not know
    bool local = false;                          ///< the other end of a local socket
    bool proxied = false;                        ///< a trusted proxy names it
    bool secure = false;                         ///< what it sends comes by https, as far as is known

    /// The other end of a connection.
    static Peer of(const aio::Transport& transport);

    /// It connected from a loopback address by itself.
    bool is_loopback() const { return !proxied && address && address->is_loopback(); }
    /// For people: its address without a port, "local", or "unknown".
    std::string name() const;
};

}  // namespace stepcast::http

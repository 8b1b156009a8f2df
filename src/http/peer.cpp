#include "http/peer.hpp"

#include "aio/transport.hpp"

namespace stepcast::http {

Peer Peer::of(const aio::Transport& transport) {
    return {
        .address = transport.peer_address(), .local = transport.is_local(), .secure = transport.is_secure()};
}

std::string Peer::name() const {
    if (address) return address->to_string();
    return local ? "local" : "unknown";
}

}  // namespace stepcast::http

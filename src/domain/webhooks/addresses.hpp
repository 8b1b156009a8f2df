#pragma once
#include <asio/ip/address.hpp>

namespace stepcast::webhooks {

/// Whether an address is one of the public internet: false of this machine, its networks and link, of what is
/// kept for documents, tests, translation and tunnels, and of groups (IANA's registries of special-purpose
/// addresses, RFC 6890). IPv4 inside IPv6 (mapped, NAT64) is judged as what it is.
bool is_public(const asio::ip::address& address);

}  // namespace stepcast::webhooks

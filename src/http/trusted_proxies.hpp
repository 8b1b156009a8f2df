#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http/networks.hpp"
#include "http/peer.hpp"
#include "http/proxy_protocol.hpp"
#include "wire/request.hpp"

namespace stepcast::http {

/// How trusted proxies say for whom they speak.
enum class ProxyHeader : std::uint8_t {
    none,
    x_forwarded_for,  ///< with X-Forwarded-Proto
    forwarded,        ///< RFC 7239
    proxy_protocol,   ///< before everything else on the connection
};
inline constexpr std::string_view proxy_header_names[]{"none", "x-forwarded-for", "forwarded",
                                                       "proxy-protocol"};

/// Which peers are believed when they say that they speak for another, and by which one way. What others say
/// is passed over. Immutable; any thread.
class TrustedProxies {
  public:
    /// Nobody is believed.
    TrustedProxies() = default;
    /// `peers`: addresses, networks and "unix", which is who speaks on the local socket; each passes
    /// `is_trustable`.
    TrustedProxies(ProxyHeader header, const std::vector<std::string>& peers);

    static bool is_trustable(std::string_view peer);

    bool trusts(const Peer& peer) const;
    /// The header of requests that is believed; empty if none is.
    std::string_view field_name() const;
    /// Connections of trusted peers begin with a PROXY header.
    bool begin_connections() const { return header_ == ProxyHeader::proxy_protocol; }
    /// Who asks by a PROXY header that such a peer sent.
    static Peer client_of(Peer connection, const ProxyProtocol::Origin& origin);

    /// Who asks, by the headers of a request: from the right the first address that is not trusted itself.
    /// The error is a literal: the trusted peer sent what names nobody.
    result<Peer, std::string_view> client_of(const Peer& connection, const wire::Headers& headers) const;

  private:
    ProxyHeader header_ = ProxyHeader::none;
    bool local_ = false;
    Networks networks_;
};

}  // namespace stepcast::http

#include "http/trusted_proxies.hpp"

#include <stdexcept>

#include "http/forwarded.hpp"
#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

constexpr std::string_view local_socket = "unix";

/// Calls `visit` with each element of the fields of that name, from the last to the first, until it gives
/// false.
template <class Visit>
void each_from_the_right(const wire::Headers& headers, std::string_view name, Visit visit) {
    for (auto field = headers.rbegin(); field != headers.rend(); ++field) {
        if (field->first != name) continue;
        for (std::string_view list = field->second; !list.empty();)
            if (const auto element = take_last_element(list); !element.empty() && !visit(element)) return;
    }
}

result<Hop, std::string_view> hop_of(ProxyHeader header, std::string_view element) {
    if (header == ProxyHeader::forwarded) return read_forwarded(element);
    auto node = read_node(element);
    if (!node) return tl::unexpected{node.error()};
    return Hop{*node, std::nullopt};
}

}  // namespace

TrustedProxies::TrustedProxies(ProxyHeader header, const std::vector<std::string>& peers) : header_{header} {
    for (const std::string& peer : peers) {
        if (peer == local_socket)
            local_ = true;
        else if (!networks_.add(peer))
            throw std::invalid_argument{"no address or network: " + peer};
    }
}

bool TrustedProxies::is_trustable(std::string_view peer) {
    return peer == local_socket || Networks{}.add(peer);
}

bool TrustedProxies::trusts(const Peer& peer) const {
    return peer.local ? local_ : peer.address && networks_.contain(*peer.address);
}

std::string_view TrustedProxies::field_name() const {
    if (header_ == ProxyHeader::forwarded) return "Forwarded";
    return header_ == ProxyHeader::x_forwarded_for ? "X-Forwarded-For" : "";
}

Peer TrustedProxies::client_of(Peer connection, const ProxyProtocol::Origin& origin) {
    if (origin.own) return connection;
    // Our own TLS, through a proxy that only passes bytes on, is the client's.
    return {.address = origin.source, .proxied = true, .secure = connection.secure || origin.secure};
}

result<Peer, std::string_view> TrustedProxies::client_of(const Peer& connection,
                                                         const wire::Headers& headers) const {
    if (header_ == ProxyHeader::none || header_ == ProxyHeader::proxy_protocol || !trusts(connection))
        return connection;
    Peer client = connection;
    std::string_view wrong;
    const bool standard = header_ == ProxyHeader::forwarded;
    each_from_the_right(headers, standard ? "forwarded" : "x-forwarded-for", [&](std::string_view element) {
        const auto hop = hop_of(header_, element);
        if (!hop) {
            wrong = hop.error();
            return false;
        }
        client = {
            .address = hop->address, .proxied = true, .secure = hop->secure.value_or(connection.secure)};
        return client.address && networks_.contain(*client.address);
    });
    if (!wrong.empty()) return tl::unexpected{wrong};
    // The last one is of the nearest proxy: never more than is true, where one further away was reached by
    // https.
    if (!standard)
        each_from_the_right(headers, "x-forwarded-proto", [&](std::string_view scheme) {
            client.secure = wire::equal_ignoring_case(scheme, "https");
            return false;
        });
    return client;
}

}  // namespace stepcast::http

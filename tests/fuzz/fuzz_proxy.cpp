// Any bytes as the PROXY header of a connection, cut anywhere, and as the headers with which a proxy names
// its client: the verdict is the same for every cut, nothing behind a header is taken, and what a client
// wrote before an element of the proxy changes nothing. The first two bytes choose the cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/trusted_proxies.hpp"

namespace {

using namespace stepcast;
using http::ProxyProtocol;

std::string say(const ProxyProtocol& parser) {
    if (parser.state() == ProxyProtocol::State::reading) return "reading";
    if (parser.state() == ProxyProtocol::State::failed) {
        if (parser.why().empty()) std::abort();
        return std::string{parser.why()};
    }
    const auto& told = parser.origin();
    return (told.own ? "own" : told.source ? told.source->to_string() : "-") + (told.secure ? " https" : "");
}

void as_connection(std::string_view bytes, std::size_t cut) {
    ProxyProtocol whole, halves, bytewise;
    const std::size_t taken = whole.feed(bytes);
    if (taken > ProxyProtocol::most_bytes) std::abort();
    std::size_t of_halves = halves.feed(bytes.substr(0, cut));
    if (of_halves == cut) of_halves += halves.feed(bytes.substr(cut));
    for (std::size_t i = 0; i < taken && bytewise.state() == ProxyProtocol::State::reading; ++i)
        if (bytewise.feed(bytes.substr(i, 1)) != 1) std::abort();
    if (say(whole) != say(halves) || say(whole) != say(bytewise)) std::abort();
    if (whole.state() != ProxyProtocol::State::failed && of_halves != taken) std::abort();
    if (whole.state() == ProxyProtocol::State::reading && taken != bytes.size()) std::abort();
}

void as_header(std::string_view bytes) {
    using http::ProxyHeader;
    const http::Peer proxy{.address = asio::ip::address_v4::loopback()};
    for (const auto [header, name, mine] :
         {std::tuple{ProxyHeader::forwarded, "forwarded", "for=192.0.2.1"},
          std::tuple{ProxyHeader::x_forwarded_for, "x-forwarded-for", "192.0.2.1"}}) {
        const http::TrustedProxies proxies{header, {"127.0.0.1"}};
        const auto alone = proxies.client_of(proxy, {{name, std::string{bytes}}});
        if (!alone && alone.error().empty()) std::abort();
        for (const auto& headers : {wire::Headers{{name, std::string{bytes} + ", " + mine}},
                                    wire::Headers{{name, std::string{bytes}}, {name, mine}}}) {
            const auto behind = proxies.client_of(proxy, headers);
            if (!behind || behind->name() != "192.0.2.1" || behind->secure) std::abort();
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 2, size - 2};
    as_connection(bytes, (data[0] * 256u + data[1]) % (bytes.size() + 1));
    as_header(bytes);
    return 0;
}

#include "domain/webhooks/addresses.hpp"

#include <algorithm>
#include <array>

#include "aio/address.hpp"
#include "http/networks.hpp"

namespace stepcast::webhooks {
namespace {

http::Networks networks_of(std::initializer_list<std::string_view> texts) {
    http::Networks networks;
    for (const auto text : texts) networks.add(text);
    return networks;
}

bool is_public_v4(const asio::ip::address& address) {
    static const auto special =
        networks_of({"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
                     "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
                     "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"});
    return !special.contain(address);
}

}  // namespace

bool is_public(const asio::ip::address& given) {
    static const auto nat64 = networks_of({"64:ff9b::/96"});
    static const auto global = networks_of({"2000::/3"});
    static const auto special = networks_of({"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"});
    const auto address = aio::unmapped(given);
    if (address.is_v4()) return is_public_v4(address);
    if (address.to_v6().scope_id() != 0) return false;
    if (nat64.contain(address)) {
        const auto bytes = address.to_v6().to_bytes();
        asio::ip::address_v4::bytes_type last{};
        std::copy(bytes.end() - last.size(), bytes.end(), last.begin());
        return is_public_v4(asio::ip::make_address_v4(last));
    }
    return global.contain(address) && !special.contain(address);
}

}  // namespace stepcast::webhooks

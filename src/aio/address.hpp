#pragma once
#include <asio/ip/address.hpp>

namespace stepcast::aio {

/// An IPv4 address that came in the form of IPv6 (`::ffff:192.0.2.1`) as such; others as they are.
inline asio::ip::address unmapped(const asio::ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

}  // namespace stepcast::aio

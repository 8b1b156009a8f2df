#pragma once
#include <array>
#include <asio/ip/address.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace stepcast::http {

/// An address of IPv4 or IPv6 and nothing else: no zone, no port, no brackets. One of IPv4 in the form of
/// IPv6 is given as such.
std::optional<asio::ip::address> read_address(std::string_view text);

/// A set of addresses, by their networks.
class Networks {
  public:
    /// "192.0.2.1", "10.0.0.0/8", "2001:db8::/32". False, and nothing is added, for another text and for a
    /// network with bits set behind its prefix: it may have been meant to be smaller.
    bool add(std::string_view text);

    bool contain(const asio::ip::address& address) const;

  private:
    using Bytes = std::array<std::uint8_t, 16>;
    struct Network {
        bool v4;
        Bytes bytes;  ///< of IPv4 the first four
        std::size_t bits;
    };

    static Bytes bytes_of(const asio::ip::address& address);

    std::vector<Network> networks_;
};

}  // namespace stepcast::http

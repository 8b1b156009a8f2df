#include "http/networks.hpp"

#include <algorithm>
#include <string>

#include "aio/address.hpp"
#include "base/text.hpp"

namespace stepcast::http {
namespace {

constexpr std::size_t longest_address = 45;  // IPv6 with its last half as IPv4

/// The first `bits` of both are the same.
bool agree(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b, std::size_t bits) {
    const std::size_t whole = bits / 8, rest = bits % 8;
    if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

bool ends_in_zeros(const std::array<std::uint8_t, 16>& bytes, std::size_t bits) {
    for (std::size_t bit = bits; bit < bytes.size() * 8; ++bit)
        if ((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
    return true;
}

}  // namespace

std::optional<asio::ip::address> read_address(std::string_view text) {
    // What else the system would read, as a zone behind '%', names no address of a client.
    if (text.size() > longest_address ||
        text.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
        return std::nullopt;
    asio::error_code error;
    const auto address = asio::ip::make_address(std::string{text}, error);
    if (error) return std::nullopt;
    return aio::unmapped(address);
}

Networks::Bytes Networks::bytes_of(const asio::ip::address& address) {
    if (address.is_v6()) return address.to_v6().to_bytes();
    Bytes bytes{};
    std::ranges::copy(address.to_v4().to_bytes(), bytes.begin());
    return bytes;
}

bool Networks::add(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = read_address(text.substr(0, slash));
    if (!address) return false;
    const std::size_t most = address->is_v4() ? 32 : 128;
    Network network{address->is_v4(), bytes_of(*address), most};
    if (slash != std::string_view::npos) {
        const auto bits = parse_number<std::size_t>(text.substr(slash + 1));
        if (!bits || *bits > most) return false;
        network.bits = *bits;
    }
    if (!ends_in_zeros(network.bytes, network.bits)) return false;
    networks_.push_back(network);
    return true;
}

bool Networks::contain(const asio::ip::address& address) const {
    const Bytes bytes = bytes_of(address);
    return std::ranges::any_of(networks_, [&](const Network& network) {
        return network.v4 == address.is_v4() && agree(network.bytes, bytes, network.bits);
    });
}

}  // namespace stepcast::http

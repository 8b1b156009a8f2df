#include "http/proxy_protocol.hpp"

#include <algorithm>
#include <array>

#include "aio/address.hpp"
#include "base/text.hpp"
#include "http/networks.hpp"
#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

constexpr std::string_view text_begin = "PROXY ";
constexpr std::string_view binary_begin{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t longest_line = 107;  // with its CRLF
constexpr std::size_t fixed_bytes = 16;    // of version 2: signature, command, family, length
constexpr std::string_view missing =
    "does not begin with a PROXY header, as connections of server.trusted_proxies must";
constexpr std::string_view bad_line = "begins with a malformed PROXY header of version 1";
constexpr std::string_view bad_binary = "begins with a malformed PROXY header of version 2";

std::size_t big_endian(std::string_view two) {
    return static_cast<std::size_t>(static_cast<unsigned char>(two[0])) << 8 |
           static_cast<unsigned char>(two[1]);
}

bool is_decimal_port(std::string_view text) {
    return parse_number<std::uint16_t>(text) && (text.size() == 1 || text[0] != '0');
}

template <class Address>
asio::ip::address address_in(std::string_view bytes) {
    typename Address::bytes_type raw;
    std::copy_n(bytes.begin(), raw.size(), raw.begin());
    return aio::unmapped(Address{raw});
}

}  // namespace

bool ProxyProtocol::begins(std::string_view bytes) {
    return bytes.starts_with(text_begin) || bytes.starts_with(binary_begin);
}

std::size_t ProxyProtocol::feed(std::string_view bytes) {
    std::size_t taken = 0;
    while (state_ == State::reading && taken < bytes.size()) {
        const std::size_t some = std::min(wanted(), bytes.size() - taken);
        header_.append(bytes.substr(taken, some));
        taken += some;
        look();
    }
    return taken;
}

/// How many bytes may be taken without going beyond the header; not 0 while it is read. A line shows its end
/// by its last byte only.
std::size_t ProxyProtocol::wanted() const {
    const std::size_t size = header_.size();
    if (size == 0 || header_[0] == text_begin[0]) return 1;
    if (size < fixed_bytes) return fixed_bytes - size;
    return fixed_bytes + big_endian(std::string_view{header_}.substr(14, 2)) - size;
}

void ProxyProtocol::look() {
    const std::string_view header = header_;
    const auto begins_as = [&](std::string_view begin) {
        return header.starts_with(begin.substr(0, header.size()));
    };
    if (begins_as(text_begin)) {
        if (header.ends_with('\n')) return read_line(header);
        if (header.size() == longest_line) fail(bad_line);
    } else if (!begins_as(binary_begin)) {
        fail(missing);
    } else if (header.size() >= fixed_bytes) {
        const std::size_t whole = fixed_bytes + big_endian(header.substr(14, 2));
        if (whole > most_bytes) return fail("begins with a PROXY header that is longer than is taken");
        if (header.size() == whole) read_binary();
    }
}

/// "PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n", or "PROXY UNKNOWN" with anything behind it.
void ProxyProtocol::read_line(std::string_view line) {
    if (!line.ends_with("\r\n")) return fail(bad_line);
    line.remove_suffix(2);
    line.remove_prefix(text_begin.size());
    std::array<std::string_view, 5> words;
    std::size_t count = 0;
    for (bool more = true; more; ++count) {
        const auto space = line.find(' ');
        more = space != std::string_view::npos;
        if (count < words.size()) words[count] = line.substr(0, space);
        if (more) line.remove_prefix(space + 1);
    }
    if (words[0] == "UNKNOWN") {
        state_ = State::done;
        return;
    }
    const auto source = read_address(words[1]), target = read_address(words[2]);
    const bool v6 = words[0] == "TCP6";
    const auto fits = [&](std::string_view text) { return (text.find(':') != std::string_view::npos) == v6; };
    if (count != words.size() || (!v6 && words[0] != "TCP4") || !source || !target || !fits(words[1]) ||
        !fits(words[2]) || !is_decimal_port(words[3]) || !is_decimal_port(words[4]))
        return fail(bad_line);
    origin_.source = source;
    state_ = State::done;
}

void ProxyProtocol::read_binary() {
    constexpr unsigned char own = 0x20, proxied = 0x21;
    constexpr unsigned char unspecified = 0x00, tcp4 = 0x11, tcp6 = 0x21, local_stream = 0x31;
    const auto command = static_cast<unsigned char>(header_[12]);
    const auto family = static_cast<unsigned char>(header_[13]);
    const std::string_view body = std::string_view{header_}.substr(fixed_bytes);
    if (command != own && command != proxied) return fail(bad_binary);
    state_ = State::done;
    origin_.own = command == own;
    // What follows is to be passed over then.
    if (origin_.own || family == unspecified) return;
    constexpr std::size_t of_tcp4 = 12, of_tcp6 = 36, of_local = 216;
    const std::size_t addresses = family == tcp4 ? of_tcp4 : family == tcp6 ? of_tcp6 : of_local;
    if ((family != tcp4 && family != tcp6 && family != local_stream) || body.size() < addresses)
        return fail(bad_binary);
    if (family == tcp4) origin_.source = address_in<asio::ip::address_v4>(body);
    if (family == tcp6) origin_.source = address_in<asio::ip::address_v6>(body);
    read_extras(body.substr(addresses));
}

/// Type, length and value, of which the one about TLS counts.
void ProxyProtocol::read_extras(std::string_view extras) {
    constexpr std::size_t head = 3, shortest_tls = 5;
    constexpr char about_tls = 0x20;
    while (!extras.empty()) {
        if (extras.size() < head) return fail(bad_binary);
        const std::size_t size = big_endian(extras.substr(1, 2));
        if (extras.size() - head < size) return fail(bad_binary);
        if (extras[0] == about_tls) {
            if (size < shortest_tls) return fail(bad_binary);
            origin_.secure = (extras[head] & 1) != 0;
        }
        extras.remove_prefix(head + size);
    }
}

void ProxyProtocol::fail(std::string_view why) {
    state_ = State::failed;
    why_ = why;
}

}  // namespace stepcast::http

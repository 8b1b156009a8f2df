#include "http/hosts.hpp"

#include <algorithm>

#include "aio/address.hpp"
#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

/// Of a Host that the parser took: without its port, the brackets of an IPv6 address and a final dot.
std::string_view name_in(std::string_view authority) {
    if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
    authority = authority.substr(0, authority.find(':'));
    if (authority.ends_with('.')) authority.remove_suffix(1);
    return authority;
}

bool is_of_this_machine(std::string_view name) {
    constexpr std::string_view local = "localhost";
    if (name.size() >= local.size()) {
        const auto tail = name.substr(name.size() - local.size());
        const bool whole = name.size() == local.size() || name[name.size() - local.size() - 1] == '.';
        if (whole && wire::equal_ignoring_case(tail, local)) return true;
    }
    if (name == "127.0.0.1") return true;  // as it is nearly always written
    asio::error_code error;
    const auto address = asio::ip::make_address(std::string{name}, error);
    if (error) return false;
    return aio::unmapped(address).is_loopback();
}

}  // namespace

bool is_local_name(std::string_view authority) {
    return is_of_this_machine(name_in(authority));
}

HostPolicy::HostPolicy(std::vector<std::string> hosts, bool loopback)
    : hosts_{std::move(hosts)}, any_{hosts_.empty() && !loopback} {}

bool HostPolicy::admits(const Request& request) const {
    return any_ || knows(request);
}

bool HostPolicy::knows(const Request& request) const {
    const auto host = request.header("host");
    if (!host) return true;
    const auto name = name_in(*host);
    return is_of_this_machine(name) || std::ranges::any_of(hosts_, [&](const std::string& listed) {
               return wire::equal_ignoring_case(listed, name);
           });
}

}  // namespace stepcast::http

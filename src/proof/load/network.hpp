#pragma once
#include <sys/socket.h>

#include <string>

#include "base/result.hpp"
#include "client/url.hpp"

namespace stepcast::proof {

/// A server's resolved address.
struct Target {
    sockaddr_storage address{};
    socklen_t length = 0;
    std::string authority;
};

result<Target> resolve(const client::Url& url);

/// Starts a non-blocking connect. `receive_buffer`: bytes, 0 leaves the kernel's choice. Returns the
/// descriptor, or -1.
int start_connect(const Target& target, int receive_buffer = 0);

/// Closes with a reset instead of a farewell, as a client does that vanishes; leaves no TIME_WAIT behind.
void cut_connection(int fd);

/// Raises the limit of open descriptors to the hard one. Returns it.
std::size_t raise_descriptor_limit();

}  // namespace stepcast::proof

#pragma once
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "http/access_log.hpp"
#include "http/trusted_proxies.hpp"
#include "wire/request.hpp"

namespace stepcast::http {

class ClientLimits;

/// Bounds of the HTTP server. Deadlines are held to within a quarter of a second, or of the shortest of them
/// if that is less.
struct ServerOptions {
    std::chrono::milliseconds header_timeout{
        10'000};  ///< first byte to the end of the head, whole; then 408 and close
    std::chrono::milliseconds body_timeout{
        30'000};  ///< end of the head to the end of the body; then 408 and close
    std::chrono::milliseconds idle_timeout{75'000};   ///< between requests; then close
    std::chrono::milliseconds write_timeout{30'000};  ///< without a byte of the answer taken; then close
    wire::Limits limits{};
    /// Requests answered from bytes already read before other connections get their turn; nothing is read
    /// meanwhile.
    std::size_t max_pipelined = 100;
    std::size_t max_connections = 25'000;  ///< streams that were taken over counted in; beyond: 503 and close
    /// Bytes of requests that are not whole or not answered yet, and as many of answers that wait for their
    /// sockets, over all connections; beyond: 503 and close. What a connection holds below 4 KiB does not
    /// count.
    std::size_t max_pending_bytes = 64 * 1024 * 1024;
    std::chrono::seconds hsts{};      ///< Strict-Transport-Security's max-age, told over https; 0: it is not
    TrustedProxies proxies{};         ///< who may say that it speaks for another
    ClientLimits* clients = nullptr;  ///< outlives the server; null: no client is held to any
    AccessLog access_log{};           ///< told of every answer; empty: nobody is
    std::vector<std::string> cors_origins;  ///< "https://app.example": exact; empty: no other origin may call
};

}  // namespace stepcast::http

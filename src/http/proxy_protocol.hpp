#pragma once
#include <asio/ip/address.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::http {

/// Reads the header of the PROXY protocol, version 1 or 2 (haproxy.org, proxy-protocol.txt), with which a
/// proxy begins a connection. Knows no socket: it is fed bytes cut anywhere and takes none behind the header.
class ProxyProtocol {
  public:
    enum class State : std::uint8_t { reading, done, failed };
    struct Origin {
        bool own = false;                           ///< the proxy speaks for itself: a health check
        std::optional<asio::ip::address> source{};  ///< none: it does not know, or it came by a local socket
        bool secure = false;                        ///< its client came by TLS, which version 2 may tell
    };

    /// Longest header that is taken: what version 2 may add beyond addresses is open-ended.
    static constexpr std::size_t most_bytes = 4096;

    /// Takes bytes up to the end of the header and returns how many.
    std::size_t feed(std::string_view bytes);

    State state() const { return state_; }
    /// Valid when done.
    const Origin& origin() const { return origin_; }
    /// Why it failed: a literal for people, of which the connection is the subject.
    std::string_view why() const { return why_; }

    /// The bytes are those of a header, as far as can be seen; false of fewer than tell it from a request.
    static bool begins(std::string_view bytes);

  private:
    std::size_t wanted() const;
    void look();
    void read_line(std::string_view line);
    void read_binary();
    void read_extras(std::string_view extras);
    void fail(std::string_view why);

    std::string header_;
    State state_ = State::reading;
    Origin origin_;
    std::string_view why_;
};

}  // namespace stepcast::http

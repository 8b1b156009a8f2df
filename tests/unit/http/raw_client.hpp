#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::http {

/// What came back, taken apart just enough to be looked at.
struct RawResponse {
    int status = 0;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
};

/// A blocking client that sends exactly the bytes it is told to.
class RawClient {
  public:
    explicit RawClient(std::uint16_t port);
    ~RawClient();
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void send(std::string_view bytes);
    /// One response; empty if the connection ended or 60 s passed. 1xx is returned like any other.
    std::optional<RawResponse> receive(bool head_only = false);
    /// True once the server has closed and nothing is left to read; waits at most 60 s.
    bool closed();
    /// Everything up to the server's close, at most 60 s.
    std::string rest();
    /// True if what ended the connection was a reset.
    bool was_reset() const { return reset_; }
    void finish_sending();
    void reset();

    /// `send`, then `receive`.
    std::optional<RawResponse> ask(std::string_view bytes, bool head_only = false);

  private:
    bool fill();
    bool receive_chunks(std::string& body);

    int fd_;
    bool reset_ = false;
    std::string buffer_;
};

/// "GET /path HTTP/1.1", Host and further header lines, each with CRLF.
std::string get(std::string_view path, std::string_view more = {});
std::string post(std::string_view path, std::string_view body, std::string_view more = {});

}  // namespace stepcast::http

#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "client/connection.hpp"
#include "client/response_parser.hpp"

namespace stepcast::client {

struct Answer {
    int status = 0;
    Headers headers;  ///< names in lower case
    std::string body;

    std::optional<std::string_view> header(std::string_view name) const;
    bool ok() const { return status >= 200 && status < 300; }
};

struct HttpLimits {
    std::chrono::steady_clock::duration connect = std::chrono::seconds{5};
    std::chrono::steady_clock::duration answer =
        std::chrono::seconds{30};  ///< longest silence while waiting for bytes
    std::size_t body = 256 * 1024 * 1024;
};

/// Asks one server, over one connection that is kept alive between calls. All calls on one strand, one at a
/// time.
///
/// Nothing is retried: after an error the caller knows that the request may or may not have been worked on. A
/// connection that the server has closed in between is replaced before anything is sent.
class HttpClient {
  public:
    /// `server`: its host and port; the target of each call is given with the call.
    /// `trust`: for https.
    HttpClient(const asio::any_io_executor& strand, Url server, HttpLimits limits = {}, Trust trust = nullptr,
               Allows allows = nullptr)
        : server_{std::move(server)},
          limits_{limits},
          connection_{strand, std::move(trust), Lookup::find_by_system, allows} {}

    /// `target` is path and query as they go on the request line. Any status is an answer, not an error.
    aio::awaitable<result<Answer>> get(std::string target, Headers extra = {});
    aio::awaitable<result<Answer>> post(std::string target, std::string body,
                                        std::string content_type = "application/json", Headers extra = {});
    /// The same by any method that has a body.
    aio::awaitable<result<Answer>> send(std::string_view method, std::string target, std::string body,
                                        std::string content_type = "application/json", Headers extra = {});

    void close() { connection_.close(); }

  private:
    aio::awaitable<result<Answer>> exchange(std::string request, std::string_view body);
    aio::awaitable<result<Answer>> read_answer();

    Url server_;
    HttpLimits limits_;
    Connection connection_;
};

/// Request line and headers up to the blank line; `extra` must hold no line breaks.
std::string request_head(std::string_view method, std::string_view target, const Url& server,
                         const Headers& extra);

}  // namespace stepcast::client

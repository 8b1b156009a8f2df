#pragma once
#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/write.hpp>
#include <deque>
#include <string>
#include <vector>

#include "aio/spawn.hpp"
#include "client/url.hpp"

namespace stepcast::client {

/// Answers each request with the next line of its script, and keeps what it was asked.
class ScriptServer {
  public:
    struct Line {
        std::string bytes;
        bool close = true;  ///< after the bytes; otherwise the connection waits for its next request
    };

    ScriptServer(asio::io_context& context, std::vector<Line> script)
        : acceptor_{context, {asio::ip::address_v4::loopback(), 0}}, script_(script.begin(), script.end()) {
        aio::spawn(context.get_executor(), "script server", [this] { return serve(); });
    }

    Url url(std::string target = "/") const {
        return {"127.0.0.1", acceptor_.local_endpoint().port(), std::move(target)};
    }
    const std::vector<std::string>& requests() const { return requests_; }
    std::size_t connections() const { return connections_; }
    void stop() { acceptor_.close(); }

  private:
    aio::awaitable<void> serve() {
        while (!script_.empty()) {
            auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
            ++connections_;
            bool open = true;
            while (open && !script_.empty()) {
                if (!co_await read_request(socket)) break;
                const Line line = std::move(script_.front());
                script_.pop_front();
                co_await asio::async_write(socket, asio::buffer(line.bytes), asio::use_awaitable);
                open = !line.close;
            }
            if (open) kept_.push_back(std::move(socket));
        }
    }

    aio::awaitable<bool> read_request(asio::ip::tcp::socket& socket) {
        std::string bytes;
        std::error_code error;
        const auto end = co_await asio::async_read_until(socket, asio::dynamic_buffer(bytes), "\r\n\r\n",
                                                         asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return false;
        std::size_t length = 0;
        if (const auto at = bytes.find("Content-Length: "); at != bytes.npos)
            length = std::stoul(bytes.substr(at + 16));
        if (bytes.size() < end + length) {
            const auto have = bytes.size();
            bytes.resize(end + length);
            co_await asio::async_read(socket, asio::buffer(bytes.data() + have, bytes.size() - have),
                                      asio::use_awaitable);
        }
        requests_.push_back(std::move(bytes));
        co_return true;
    }

    asio::ip::tcp::acceptor acceptor_;
    std::deque<Line> script_;
    std::vector<std::string> requests_;
    std::vector<asio::ip::tcp::socket> kept_;
    std::size_t connections_ = 0;
};

/// Runs `body` to its end on a strand of `context`, at most 10 s.
template <class Body>
void run_to_end(asio::io_context& context, Body body) {
    bool done = false;
    aio::spawn(asio::make_strand(context), "test", [&]() -> aio::awaitable<void> {
        co_await body();
        done = true;
    });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!done && std::chrono::steady_clock::now() < deadline)
        context.run_one_for(std::chrono::milliseconds{100});
    ASSERT_TRUE(done) << "still suspended after 10 s";
}

}  // namespace stepcast::client

// The connection's way out: answers that fit, and lists that are read as they are taken.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <asio/buffer.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>

#include "broadcast/socket_write.hpp"
#include "http/connection.hpp"

namespace stepcast::http {
namespace {

constexpr auto as_tuple = asio::experimental::as_tuple(asio::use_awaitable);

bool has_no_body(int status) {
    return status == 204 || status == 304 || status < 200;
}

/// More, and the kernel takes megabytes of a list for a client that reads none of it.
void limit_unsent(int fd) {
    constexpr int unsent_bytes = 16 * 1024;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
}

/// Makes the end of the connection a reset: an answer that breaks off must not look whole.
void end_by_reset(int fd) {
    const linger reset{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace

/// Sends head and body in one gathered write. False if the client is gone or takes nothing any more.
awaitable<bool> Connection::respond(Response response, bool head_only, wire::Persistence persistence) {
    wire::ResponseHead head;
    head.status = response.status;
    head.date = lane_.date();
    head.persistence = persistence;
    head.chunked = response.list && !http_1_0_;
    if (!has_no_body(response.status) && !response.takeover && !response.list)
        head.content_length = response.body.size();
    if (head_only || has_no_body(response.status)) response.body.clear(), response.list.reset();
    std::string& text = lane_.head_buffer();
    wire::append_response_head(text, head, response.headers);
    bool written = false;
    if (response.list) {
        written = co_await write_list(text, head.chunked, *response.list);
    } else {
        asio::error_code error;
        const std::size_t sent =
            socket_.write_some(std::array{asio::const_buffer(asio::buffer(text)),
                                          asio::const_buffer(asio::buffer(response.body))},
                               error);
        if (error && !would_block(error)) co_return false;
        written = sent == text.size() + response.body.size() ||
                  co_await write_rest(text, std::move(response.body), sent);
    }
    unsent_.resize(0);
    co_return written;
}

/// What the socket did not take at once of head and body. A connection that would hold more than is left for
/// all ends here.
awaitable<bool> Connection::write_rest(std::string head, std::string body, std::size_t sent) {
    const std::size_t size = head.size() + body.size();
    const std::size_t held = body.size() + pending_.size();
    if (!unsent_.resize(held <= uncounted_bytes ? 0 : held)) co_return false;
    while (sent < size) {
        if (!co_await writable()) co_return false;
        const std::size_t of_head = std::min(sent, head.size());
        asio::error_code error;
        sent += socket_.write_some(std::array{asio::const_buffer(asio::buffer(head) + of_head),
                                              asio::const_buffer(asio::buffer(body) + (sent - of_head))},
                                   error);
        if (error && !would_block(error)) co_return false;
    }
    enter(Phase::answering);
    co_return true;
}

/// Page by page, each read when the socket has taken the one before.
awaitable<bool> Connection::write_list(std::string head, bool chunked, ListSource& list) {
    limit_unsent(socket_.native_handle());
    ListWriter writer{std::move(head), chunked};
    for (bool last = false; !last;) {
        auto page = co_await list.next();
        if (!page || cut_) {
            end_by_reset(socket_.native_handle());
            co_return false;
        }
        last = page->last;
        writer.put(std::move(*page));
        while (!writer.parts().empty()) {
            const ssize_t sent = broadcast::send_some(socket_.native_handle(), writer.parts());
            if (sent < 0) co_return false;
            writer.took(static_cast<std::size_t>(sent));
            if (sent == 0 && !co_await writable()) co_return false;
        }
    }
    enter(Phase::answering);
    co_return true;
}

/// Waits until the socket takes bytes. False if it is gone, or took none for too long.
awaitable<bool> Connection::writable() {
    enter(Phase::writing);
    const auto [error] = co_await socket_.async_wait(Socket::wait_write, as_tuple);
    co_return !error && !expired_;
}

}  // namespace stepcast::http

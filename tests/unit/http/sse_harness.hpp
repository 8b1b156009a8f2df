#pragma once
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "aio/spawn.hpp"
#include "broadcast/broadcaster.hpp"
#include "event/cursor.hpp"
#include "http/stream/sse_session.hpp"
#include "unit/broadcast/dechunk.hpp"
#include "unit/broadcast/events.hpp"

namespace stepcast::testing {

using Positions = std::vector<event::Position>;

/// Committed events in memory, on a core strand of its own, as a store and its projection would give them.
class History {
  public:
    explicit History(asio::io_context& io) : core_{asio::make_strand(io)} {}

    const aio::Strand& core() const { return core_; }

    void apply(const event::EventRef& event) {
        const std::lock_guard lock{mutex_};
        events_.push_back(event);
    }
    event::Position applied() const {
        const std::lock_guard lock{mutex_};
        return events_.empty() ? 0 : events_.back()->position();
    }
    std::vector<event::EventRef> after(event::Position position, std::size_t limit,
                                       std::string_view user = {},
                                       const event::Category& category = progress) const {
        const std::lock_guard lock{mutex_};
        std::vector<event::EventRef> page;
        for (const auto& event : events_) {
            if (event->position() <= position) continue;
            if (!user.empty() && (event->subject() != user || &event->category() != &category)) continue;
            if (page.size() == limit) break;
            page.push_back(event);
        }
        return page;
    }

    /// The state changes, which is no event; what tells of it.
    event::EventRef announce() {
        ++announced_;
        return recovery();
    }
    int announced() const { return announced_; }
    event::EventRef recovery() const {
        return event::Event::control(
            progress, "event: recovery\ndata: " + std::to_string(announced_) + "\n\n", "t", "u");
    }

  private:
    aio::Strand core_;
    std::atomic<int> announced_{0};
    mutable std::mutex mutex_;
    std::vector<event::EventRef> events_;
};

/// One user's past of one category out of a History, read page by page on its core strand.
class HistorySource final : public broadcast::StreamSource {
  public:
    HistorySource(const History& history, std::string user, event::Position start, std::size_t page_size)
        : history_{history}, user_{std::move(user)}, through_{start}, page_size_{page_size} {}

    aio::awaitable<broadcast::CatchUp> next() override {
        if (waits_ > 0 && waits_-- > 0) {
            broadcast::CatchUp nothing;
            nothing.wait = true;
            co_return nothing;
        }
        co_return co_await aio::run_on(history_.core(), [this]() -> aio::awaitable<broadcast::CatchUp> {
            // The position first: what is applied between the two is in the page, and what is told lies at or
            // before the last of it.
            const event::Position applied = history_.applied();
            broadcast::CatchUp page;
            page.frames = history_.after(through_, page_size_, user_, *category_);
            page.last = page.frames.size() < page_size_;
            if (!page.frames.empty()) through_ = page.frames.back()->position();
            if (page.last) through_ = std::max(through_, applied);
            page.through = through_;
            page.end = page.last && ends_;
            if (page.last && std::exchange(told_, history_.announced()) != history_.announced())
                page.frames.push_back(history_.recovery());
            if (page.last && std::exchange(tells_live_, false))
                page.frames.push_back(event::Event::control(event::live_frame("ep", through_)));
            co_return page;
        });
    }
    bool ends_with(const event::Event& event) const override {
        return event.lifecycle() == event::Lifecycle::ends;
    }
    bool admits(const event::Event& event) const override { return event.subject() == user_; }

    bool inspects() const override { return of_task_; }

    void for_one_task() { of_task_ = true; }
    void of(const event::Category& category) { category_ = &category; }
    const event::Category& category() const { return *category_; }
    void wait_first(int times) { waits_ = times; }
    void end_after_the_past() { ends_ = true; }
    void tell_live() { tells_live_ = true; }

  private:
    const History& history_;
    std::string user_;
    event::Position through_;
    std::size_t page_size_;
    const event::Category* category_ = &progress;
    int waits_ = 0;
    int told_ = -1;
    bool ends_ = false;
    bool tells_live_ = false;
    bool of_task_ = false;
};

/// The client's end of a stream: a plain blocking socket. `text` is the head and the body as it is meant.
class StreamClient {
  public:
    explicit StreamClient(int fd) : fd_{fd} {}
    StreamClient(StreamClient&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    ~StreamClient() {
        if (fd_ >= 0) ::close(fd_);
    }

    int fd() const { return fd_; }
    const std::string& text() const { return text_; }
    Positions positions() const { return positions_in(text_); }
    bool ended() const { return ended_; }
    /// Its last chunk has come: the end was meant.
    bool whole() const { return body_.whole(); }

    /// Reads what is there. False once the stream has ended.
    bool read_some(int wait_ms) {
        pollfd ready{fd_, POLLIN, 0};
        if (::poll(&ready, 1, wait_ms) != 1) return !ended_;
        char buffer[65536];
        const ssize_t size = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
        if (size > 0) take({buffer, static_cast<std::size_t>(size)});
        if (body_.broken()) return !(ended_ = true);
        if (size == 0 || (size < 0 && errno != EAGAIN)) ended_ = true;
        return !ended_;
    }
    template <class Condition>
    bool read_until(Condition holds, std::chrono::milliseconds limit = std::chrono::seconds{60}) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!holds()) {
            if (std::chrono::steady_clock::now() > end) return false;
            if (!read_some(10) && !holds()) return false;
        }
        return true;
    }
    bool read_until_text(std::string_view part) {
        return read_until([&] { return text_.find(part) != std::string::npos; });
    }
    bool read_to_end() {
        return read_until([&] { return ended_; });
    }

  private:
    void take(std::string_view bytes) {
        if (!chunked_) {
            text_ += bytes;
            const auto end = text_.find("\r\n\r\n");
            if (end == std::string::npos) return;
            chunked_ = text_.find("Transfer-Encoding: chunked\r\n") < end;
            if (!chunked_) return;
            body_.feed(std::string_view{text_}.substr(end + 4));
            text_.resize(end + 4);
        } else {
            body_.feed(bytes);
        }
        text_ += std::string_view{body_.text()}.substr(taken_);
        taken_ = body_.text().size();
    }

    int fd_;
    std::string text_;
    Dechunker body_;
    std::size_t taken_ = 0;  // of the body
    bool chunked_ = false;
    bool ended_ = false;
};

/// Connected TCP sockets over loopback: the server's end as asio wants it, the client's as a plain one.
class LoopbackPairs {
  public:
    explicit LoopbackPairs(asio::io_context& io)
        : acceptor_{io, asio::ip::tcp::endpoint{asio::ip::address_v4::loopback(), 0}} {}

    std::pair<aio::Transport, StreamClient> connect(const aio::Strand& strand, int receive_buffer = 0) {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        if (receive_buffer > 0)
            ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        const auto endpoint = acceptor_.local_endpoint();
        if (::connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0)
            throw std::system_error{errno, std::system_category()};
        aio::Transport::Tcp socket{strand};
        acceptor_.accept(socket);
        return {aio::Transport{std::move(socket)}, StreamClient{fd}};
    }

  private:
    asio::ip::tcp::acceptor acceptor_;
};

inline void start_stream(std::unique_ptr<http::Takeover> takeover, aio::Transport transport,
                         broadcast::Lane& lane) {
    asio::post(lane.strand(), [takeover = std::move(takeover), transport = std::move(transport),
                               &lane]() mutable { takeover->start(std::move(transport), {}, lane); });
}

}  // namespace stepcast::testing

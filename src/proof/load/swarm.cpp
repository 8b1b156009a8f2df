#include "proof/load/swarm.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace stepcast::proof {

Subscriber::~Subscriber() {
    cut();
}

bool Subscriber::open() {
    fd_ = start_connect(swarm_.target_, receive_buffer_);
    if (fd_ < 0) return false;
    state_ = State::connecting;
    ++swarm_.opening_;
    parser_.next();
    scanner_.reset();
    swarm_.loop_.watch(fd_, *this);
    return true;
}

void Subscriber::cut() {
    if (fd_ < 0) return;
    cut_connection(fd_);
    fd_ = -1;
    if (state_ == State::streaming)
        --swarm_.streaming_;
    else
        --swarm_.opening_;
    state_ = State::closed;
}

void Subscriber::go_on() {
    stalled_ = false;
    if (fd_ >= 0) read_all(true);
}

void Subscriber::on_ready(std::uint32_t events) {
    if (fd_ < 0) return;
    if (state_ == State::connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) send_request();
    if (state_ == State::closed || stalled_) return;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) {
        read_all((events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0);
    }
}

void Subscriber::send_request() {
    std::string request = "GET " + target_ + " HTTP/1.1\r\nHost: " + swarm_.target_.authority +
                          "\r\nAccept: text/event-stream\r\n" + swarm_.headers_;
    if (!last_id_.empty()) request += "Last-Event-ID: " + last_id_ + "\r\n";
    request += "\r\n";
    // A fresh socket's buffer holds any request whole.
    if (send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
        closed(0);
        return;
    }
    state_ = State::waiting;
}

void Subscriber::read_all(bool until_end) {
    auto& buffer = swarm_.buffer_;
    while (fd_ >= 0 && !stalled_) {
        const auto got = recv(fd_, buffer.data(), buffer.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            closed(parser_.head().status);
            return;
        }
        if (!take({buffer.data(), static_cast<std::size_t>(got)}, now_ns())) return;
        // Edge-triggered: a short read has emptied the socket, unless the end stands behind it.
        if (static_cast<std::size_t>(got) < buffer.size() && !until_end) return;
    }
}

bool Subscriber::take(std::string_view bytes, std::uint64_t now) {
    using Step = client::ResponseParser::Step;
    const int fd = fd_;
    while (true) {
        switch (parser_.resume(bytes)) {
            case Step::need_more:
                return true;
            case Step::head:
                if (parser_.head().status != 200) {
                    closed(parser_.head().status);
                    return false;
                }
                if (!parser_.head().header("content-type").value_or("").starts_with("text/event-stream")) {
                    closed(SwarmSink::no_stream);
                    return false;
                }
                parser_.forget_head();
                state_ = State::streaming;
                --swarm_.opening_;
                ++swarm_.streaming_;
                swarm_.sink_.on_open(*this, now);
                if (fd_ != fd) return false;
                break;
            case Step::body: {
                const bool more = scanner_.feed(parser_.body(), [&](const FrameView& frame) {
                    if (frame.has_id) last_id_.assign(frame.id);
                    swarm_.sink_.on_frame(*this, frame, now);
                    return fd_ == fd && state_ == State::streaming;
                });
                if (!more) return false;
                break;
            }
            case Step::end:
            case Step::error:
                closed(parser_.head().status);
                return false;
        }
    }
}

void Subscriber::closed(int status) {
    cut();
    swarm_.sink_.on_closed(*this, status);
}

Subscriber& Swarm::add(std::string target) {
    return all_.emplace_back(*this, static_cast<std::uint32_t>(all_.size()), std::move(target));
}

bool Swarm::open_all(std::uint64_t limit_ns) {
    constexpr std::size_t at_once = 256;
    std::size_t next = 0;
    loop_.run_until(limit_ns, [&] {
        while (next < all_.size() && opening_ < at_once) {
            if (all_[next].state() == Subscriber::State::closed && !all_[next].open()) break;
            ++next;
        }
        // All refused, or some and no other is on its way: nothing more will come.
        return streaming_ == all_.size() || (next == all_.size() && opening_ == 0);
    });
    return streaming_ == all_.size();
}

}  // namespace stepcast::proof

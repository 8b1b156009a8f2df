#include "proof/load/publisher.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace stepcast::proof {

Publisher::Publisher(Loop& loop, const Target& target, std::size_t connections, OnAnswer on_answer)
    : loop_{loop}, target_{target}, on_answer_{std::move(on_answer)} {
    for (std::size_t i = 0; i < connections; ++i) free_.push_back(&lanes_.emplace_back(*this));
}

void Publisher::post(std::string_view target, std::string_view body, std::uint64_t tag) {
    send_body("POST ", target, body, tag);
}

void Publisher::put(std::string_view target, std::string_view body, std::uint64_t tag) {
    send_body("PUT ", target, body, tag);
}

void Publisher::send_body(std::string_view method, std::string_view target, std::string_view body,
                          std::uint64_t tag) {
    std::string request;
    request.reserve(256 + body.size());
    request.append(method).append(target).append(" HTTP/1.1\r\nHost: ").append(target_.authority);
    request.append("\r\nContent-Type: ").append(content_type_).append("\r\n").append(headers_);
    request.append("Content-Length: ").append(std::to_string(body.size()));
    request.append("\r\n\r\n").append(body);
    send(std::move(request), tag);
}

void Publisher::get(std::string_view target, std::uint64_t tag) {
    std::string request = "GET ";
    request.append(target).append(" HTTP/1.1\r\nHost: ").append(target_.authority);
    request.append("\r\n").append(headers_).append("\r\n");
    send(std::move(request), tag);
}

void Publisher::set_headers(std::string content_type, std::string headers) {
    content_type_ = std::move(content_type);
    headers_ = std::move(headers);
}

void Publisher::send(std::string request, std::uint64_t tag) {
    ++waiting_;
    if (free_.empty()) {
        queue_.push_back({std::move(request), tag});
        return;
    }
    Lane* lane = free_.back();
    free_.pop_back();
    lane->start(std::move(request), tag);
}

Publisher::Lane::~Lane() {
    if (fd_ >= 0) cut_connection(fd_);
}

void Publisher::Lane::start(std::string request, std::uint64_t tag) {
    request_ = std::move(request);
    written_ = 0;
    tag_ = tag;
    parser_.next();
    if (fd_ < 0)
        connect();
    else
        write();
}

void Publisher::Lane::connect() {
    fd_ = start_connect(owner_.target_);
    if (fd_ >= 0)
        owner_.loop_.watch(fd_, *this);
    else
        answer(0);
}

void Publisher::Lane::write() {
    while (written_ < request_.size()) {
        const auto sent = ::send(fd_, request_.data() + written_, request_.size() - written_, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == ENOTCONN) return;
            answer(0);
            return;
        }
        written_ += static_cast<std::size_t>(sent);
    }
}

void Publisher::Lane::on_ready(std::uint32_t events) {
    if (fd_ < 0) return;
    if ((events & EPOLLOUT) != 0 && written_ < request_.size()) write();
    if (fd_ >= 0 && (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) read();
}

void Publisher::Lane::read() {
    using Step = client::ResponseParser::Step;
    std::array<char, 16 * 1024> buffer;
    while (fd_ >= 0) {
        const auto got = recv(fd_, buffer.data(), buffer.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (request_.empty()) {  // between two requests a server may close
            cut_connection(fd_);
            fd_ = -1;
            return;
        }
        if (got <= 0) {
            answer(0);
            return;
        }
        std::string_view input{buffer.data(), static_cast<std::size_t>(got)};
        Step step = Step::head;
        while (step == Step::head || step == Step::body) step = parser_.resume(input);
        if (step == Step::error) {
            answer(0);
            return;
        }
        if (step == Step::end) {
            answer(parser_.head().status);
            return;
        }
    }
}

void Publisher::Lane::answer(int status) {
    if (fd_ >= 0 && (status == 0 || !parser_.keep_alive())) {
        cut_connection(fd_);
        fd_ = -1;
    }
    request_.clear();
    --owner_.waiting_;
    const auto tag = tag_;
    if (owner_.queue_.empty()) {
        owner_.free_.push_back(this);
    } else {
        Job job = std::move(owner_.queue_.front());
        owner_.queue_.pop_front();
        start(std::move(job.request), job.tag);
    }
    owner_.on_answer_(tag, status);
}

}  // namespace stepcast::proof

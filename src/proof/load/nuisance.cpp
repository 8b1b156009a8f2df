#include "proof/load/nuisance.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace stepcast::proof {

Nuisance::Nuisance(Loop& loop, const Target& target, std::string subscribe_target, std::uint64_t seed)
    : loop_{loop},
      target_{target},
      request_{"GET " + std::move(subscribe_target) + " HTTP/1.1\r\nHost: " + target.authority + "\r\n\r\n"},
      random_{seed} {}

void Nuisance::add_dribblers(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) dribblers_.emplace_back(*this);
}

void Nuisance::tick(std::uint64_t now) {
    constexpr std::uint64_t reset_interval_ns = 5'000'000;
    if (next_byte_at_ == 0) next_byte_at_ = next_reset_at_ = now;
    for (; next_byte_at_ <= now && !dribblers_.empty(); next_byte_at_ += 1'000'000'000 / dribblers_.size()) {
        dribblers_[next_dribbler_++ % dribblers_.size()].send_byte();
    }
    for (; next_reset_at_ <= now; next_reset_at_ += reset_interval_ns) reset_one();
}

/// Sends the beginning of a request, or all of it, and resets.
void Nuisance::reset_one() {
    const int fd = start_connect(target_);
    if (fd < 0) return;
    std::uniform_int_distribution<std::size_t> length{0, request_.size()};
    // Loopback connects at once; where it has not, the reset comes before the first byte, which is a case
    // too.
    send(fd, request_.data(), length(random_), MSG_NOSIGNAL);
    cut_connection(fd);
    ++resets_;
}

Nuisance::Dribbler::~Dribbler() {
    if (fd_ >= 0) cut_connection(fd_);
}

void Nuisance::Dribbler::send_byte() {
    if (fd_ < 0) {
        fd_ = start_connect(owner_.target_);
        sent_ = 0;
        if (fd_ >= 0) owner_.loop_.watch(fd_, *this);
        return;
    }
    if (sent_ >= owner_.request_.size()) return;
    if (send(fd_, owner_.request_.data() + sent_, 1, MSG_NOSIGNAL) == 1) {
        ++sent_;
        ++owner_.dribbled_;
    }
}

void Nuisance::Dribbler::on_ready(std::uint32_t events) {
    if (fd_ < 0 || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
    cut_connection(fd_);
    fd_ = -1;
}

}  // namespace stepcast::proof

#include "proof/load/loop.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace stepcast::proof {

std::uint64_t now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

Loop::Loop() : epoll_{epoll_create1(EPOLL_CLOEXEC)} {
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Loop::~Loop() {
    close(epoll_);
}

void Loop::watch(int fd, Handler& handler) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &handler;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) < 0) {
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
}

void Loop::turn(std::uint64_t limit_ns) {
    std::array<epoll_event, 512> ready;
    const timespec limit{.tv_sec = static_cast<time_t>(limit_ns / 1'000'000'000),
                         .tv_nsec = static_cast<long>(limit_ns % 1'000'000'000)};
    const int count = epoll_pwait2(epoll_, ready.data(), static_cast<int>(ready.size()), &limit, nullptr);
    for (int i = 0; i < count; ++i)
        static_cast<Handler*>(ready[static_cast<std::size_t>(i)].data.ptr)
            ->on_ready(ready[static_cast<std::size_t>(i)].events);
}

}  // namespace stepcast::proof

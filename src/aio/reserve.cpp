#include "aio/reserve.hpp"

#include <pthread.h>

#include <asio/post.hpp>
#include <ctime>

namespace stepcast::aio {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double nearly_all = 0.95;

}  // namespace

CoreTime core_time_of_this_thread() {
    clockid_t clock{};
    ::pthread_getcpuclockid(::pthread_self(), &clock);  // fails for no thread that lives
    return [clock] {
        timespec time{};
        ::clock_gettime(clock, &time);
        return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
    };
}

Reserve::Reserve(asio::io_context& io, int size, CoreTime running)
    : Reserve{io, size, std::move(running), Pace{}} {}

Reserve::Reserve(asio::io_context& io, int size, CoreTime running, Pace pace)
    : io_{io}, pace_{pace}, places_(static_cast<std::size_t>(size) + 1) {
    places_[0] = {std::move(running), true};
    for (std::size_t place = 1; place < places_.size(); ++place)
        threads_.emplace_back([this, place] { hold(place); });
}

Reserve::~Reserve() {
    const std::lock_guard lock{mutex_};
    ended_ = true;
    changed_.notify_all();
}

void Reserve::hold(std::size_t place) {
    std::unique_lock lock{mutex_};
    places_[place].core_time = core_time_of_this_thread();
    while (!ended_) {
        const auto& before = places_[place - 1];
        if (!before.runs) {
            changed_.wait(lock);
            continue;
        }
        if (!is_busy(before.core_time, lock)) continue;
        places_[place].runs = true;
        changed_.notify_all();
        lock.unlock();
        io_.run_for(pace_.stay);
        asio::post(io_, [] {});  // asio wakes nobody for what its last handler queued
        lock.lock();
        places_[place].runs = false;
        if (io_.stopped()) return;
    }
}

// False at the end, too.
bool Reserve::is_busy(const CoreTime& core_time, std::unique_lock<std::mutex>& lock) {
    const auto began = Clock::now();
    const auto before = core_time();
    if (changed_.wait_for(lock, pace_.look, [this] { return ended_; })) return false;
    return core_time() - before >= nearly_all * (Clock::now() - began);
}

}  // namespace stepcast::aio

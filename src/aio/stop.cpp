#include "aio/stop.hpp"

#include <asio/post.hpp>
#include <asio/this_coro.hpp>

namespace stepcast::aio {

/// A place among the waiters for as long as the coroutine's frame lives, which may end in the middle.
class Stop::Waiting {
  public:
    Waiting(Stop& stop, const std::shared_ptr<Waiter>& waiter) : stop_{stop} {
        const std::lock_guard lock{stop_.mutex_};
        place_ = stop_.waiters_.insert(stop_.waiters_.end(), waiter);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
        const std::lock_guard lock{stop_.mutex_};
        stop_.waiters_.erase(place_);
    }

  private:
    Stop& stop_;
    std::list<std::shared_ptr<Waiter>>::iterator place_;
};

void Stop::raise() {
    const std::lock_guard lock{mutex_};
    if (raised_.exchange(true, std::memory_order_acq_rel)) return;
    for (const auto& waiter : waiters_) asio::post(waiter->executor, [waiter] { waiter->notice.notify(); });
}

awaitable<bool> Stop::pause(std::chrono::steady_clock::duration limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    const auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor);
    const Waiting waiting{*this, waiter};
    if (raised()) co_return false;  // looked at behind the entry: one of the two sees the other
    co_await waiter->notice.wait(limit);
    co_return !raised() && std::chrono::steady_clock::now() >= end;
}

}  // namespace stepcast::aio

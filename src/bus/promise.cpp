#include "bus/promise.hpp"

#include <asio/associated_cancellation_slot.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/system_error.hpp>
#include <utility>
#include <vector>

namespace stepcast::bus {
namespace {

// In one turn of a strand: of requests, whose answers are written then, some 400 µs.
constexpr std::size_t most_resumed = 64;

// On the waiter's executor.
template <class Handler>
void resume(Handler handler, std::exception_ptr failure, std::optional<Error> refusal) {
    const auto executor = handler.get_executor();
    asio::post(executor, [handler = std::move(handler), failure = std::move(failure),
                          refusal = std::move(refusal)]() mutable {
        std::move(handler)(std::move(failure), std::move(refusal));
    });
}

}  // namespace

void Waiters::add(Promise& promise, Handler handler) {
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
        slot.assign([this, &promise](asio::cancellation_type) { cancel(promise); });
    std::unique_lock lock{mutex_};
    if (promise.answered) {
        lock.unlock();
        return resume(std::move(handler), nullptr, std::move(promise.refusal_));
    }
    if (!timer_) timer_.emplace(handler.get_executor());
    promise.deadline = std::chrono::steady_clock::now() + limit_;
    promise.handler.emplace(std::move(handler));
    const bool first = waiting_.empty();
    waiting_.push_back(promise);
    if (first) set_timer();
}

/// Whoever waits for the promise, if anybody still does.
std::optional<Waiters::Handler> Waiters::take(Entry& entry) {
    auto handler = std::exchange(entry.handler, std::nullopt);
    if (!handler) return handler;
    waiting_.erase(waiting_.iterator_to(entry));
    if (waiting_.empty()) timer_->cancel();
    return handler;
}

void Waiters::answer(Promise& promise) {
    std::unique_lock lock{mutex_};
    promise.answered = true;
    auto handler = take(promise);
    if (!handler) return;
    const auto executor = handler->get_executor();
    const auto* const strand = executor.target<aio::Strand>();
    if (strand == nullptr) {
        lock.unlock();
        return resume(std::move(*handler), nullptr, std::move(promise.refusal_));
    }
    Ready& ready = ready_on(*strand);
    const bool first = ready.entries.empty();
    promise.handler.emplace(std::move(*handler));
    ready.entries.push_back(promise);
    lock.unlock();
    if (first) resume_on_turn(ready);
}

void Waiters::resume_on_turn(Ready& ready) {
    asio::post(ready.strand, [self = shared_from_this(), &ready] { self->resume_some(ready); });
}

/// With the mutex.
Waiters::Ready& Waiters::ready_on(const aio::Strand& strand) {
    for (auto& ready : ready_)
        if (ready.strand == strand) return ready;
    return ready_.emplace_back(strand);
}

void Waiters::resume_some(Ready& ready) {
    List now;
    std::unique_lock lock{mutex_};
    List& entries = ready.entries;
    auto end = entries.begin();
    for (std::size_t i = 0; i < most_resumed && end != entries.end(); ++i) ++end;
    now.splice(now.end(), entries, entries.begin(), end);
    if (!entries.empty()) resume_on_turn(ready);
    lock.unlock();
    while (!now.empty()) {
        auto& promise = static_cast<Promise&>(now.front());
        now.pop_front();
        // The promise goes with the coroutine that is resumed.
        auto handler = std::exchange(promise.handler, std::nullopt);
        std::move (*handler)(std::exception_ptr{}, std::move(promise.refusal_));
    }
}

void Waiters::cancel(Promise& promise) {
    std::unique_lock lock{mutex_};
    if (promise.answered) return;
    auto handler = take(promise);
    lock.unlock();
    const asio::system_error cancelled{asio::error::operation_aborted};
    if (handler) resume(std::move(*handler), std::make_exception_ptr(cancelled), std::nullopt);
}

/// With the mutex. For whoever has waited longest.
void Waiters::set_timer() {
    timer_->expires_at(waiting_.front().deadline);
    timer_->async_wait([weak = weak_from_this()](std::error_code error) {
        const auto self = error ? nullptr : weak.lock();
        if (self) self->end_late();
    });
}

void Waiters::end_late() {
    const auto now = std::chrono::steady_clock::now();
    std::vector<std::pair<Handler, std::optional<Error>>> late;
    std::unique_lock lock{mutex_};
    while (!waiting_.empty() && waiting_.front().deadline <= now) {
        auto& promise = static_cast<Promise&>(waiting_.front());
        // An answer that was first is on its way here, and is told by this.
        auto refusal = promise.end() ? Error{errc::unavailable} : std::move(promise.refusal_);
        late.emplace_back(std::move(*take(promise)), std::move(refusal));
    }
    if (!waiting_.empty()) set_timer();
    lock.unlock();
    for (auto& [handler, refusal] : late) resume(std::move(handler), nullptr, std::move(refusal));
}

void Waiters::abandon() {
    std::vector<Handler> left;
    std::unique_lock lock{mutex_};
    while (!waiting_.empty()) left.push_back(std::move(*take(waiting_.front())));
    for (auto& ready : ready_)
        while (!ready.entries.empty()) {
            left.push_back(std::move(*std::exchange(ready.entries.front().handler, std::nullopt)));
            ready.entries.pop_front();
        }
    timer_.reset();
}

void Promise::answer(std::size_t n) {
    if (n != 0 && open_.fetch_sub(n, std::memory_order_acq_rel) == n && end()) waiters_->answer(*this);
}

void Promise::refuse(Error why) {
    if (!refused_.exchange(true, std::memory_order_relaxed)) refusal_ = std::move(why);
    answer();
}

bool Promise::refuse_last(const Error& why) {
    if (open_.load(std::memory_order_acquire) != 1) return false;
    // Before the end, behind which a waiter whose time is over takes the refusal. Nobody else writes one now:
    // the answer that is open is the caller's. If the time was over first, nobody reads it.
    if (!refused_.exchange(true, std::memory_order_relaxed)) refusal_ = why;
    if (!end()) return false;
    waiters_->answer(*this);
    return true;
}

awaitable<std::optional<Error>> Promise::wait() {
    return asio::async_initiate<const asio::use_awaitable_t<>,
                                void(std::exception_ptr, std::optional<Error>)>(
        [self = shared_from_this()](auto handler) { self->waiters_->add(*self, std::move(handler)); },
        asio::use_awaitable);
}

}  // namespace stepcast::bus

#pragma once
#include <sys/epoll.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/use_awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "aio/types.hpp"

namespace stepcast::aio {

/// What a wait comes to: `const auto [error] = …`; `operation_aborted` of one that was cancelled.
using Waited = std::tuple<std::error_code>;
/// A coroutine that is suspended in a wait.
using Waiter = asio::async_result<asio::use_awaitable_t<>, void(Waited)>::handler_type;

/// Which sockets of one strand have become readable or writable. They stand in an epoll set of their own,
/// edge-triggered, behind one wait of asio's: a wait makes no system call, and what is ready comes many
/// sockets at a time and is resumed at once. Asio's own wait costs a call of `epoll_ctl`, two locks and a
/// hop of its strand each time. All calls on the strand; it outlives its seats.
class Readiness {
  public:
    class Seat;

    /// Throws if the system has no descriptor left.
    explicit Readiness(const Strand& strand);
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;
    ~Readiness();

  private:
    /// Who waits for bytes to be taken: not who waits for input, because there it is the rule.
    struct Callback {
        virtual ~Callback() = default;
        virtual void call(std::error_code error) = 0;
    };
    template <class Handler>
    struct CallbackOf final : Callback {
        explicit CallbackOf(Handler its) : handler{std::move(its)} {}
        void call(std::error_code error) override { handler(error); }
        Handler handler;
    };
    struct Slot {
        std::optional<Waiter> reader;
        std::unique_ptr<Callback> writer;
        int descriptor = -1;
        std::uint32_t generation = 0;  // tells who sits here from who sat here when an event was taken
        bool readable = false;         // as far as known: it has not been read empty since
        bool ended = false;            // its end, or an error, is there to be read: no further edge comes
    };

    void listen();
    void take();
    void tell(const epoll_event& event);
    bool join(int descriptor, std::uint32_t& index);
    void leave(std::uint32_t index);
    std::optional<Waiter> take_reader(std::uint32_t index);
    std::unique_ptr<Callback> take_writer(std::uint32_t index);
    void wait_readable(std::uint32_t index, Waiter waiter);
    void wait_writable(std::uint32_t index, std::unique_ptr<Callback> callback);
    void abort(std::uint32_t index);
    epoll_event wanted(std::uint32_t index, std::uint32_t events) const;

    const Strand strand_;
    asio::posix::stream_descriptor set_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t waiting_ = 0;
    bool listening_ = false;
};

/// A socket's seat there, which it leaves with its destruction; the socket is closed right behind that, which
/// takes it out of the set. What waits then is aborted. Nobody is resumed within a call.
class Readiness::Seat {
  public:
    Seat() = default;
    /// Empty if the system has no room for it.
    Seat(Readiness& of, int descriptor);
    Seat(Seat&& other) noexcept : of_{std::exchange(other.of_, nullptr)}, index_{other.index_} {}
    Seat& operator=(Seat&& other) noexcept {
        std::swap(of_, other.of_);
        std::swap(index_, other.index_);
        return *this;
    }
    ~Seat();
    explicit operator bool() const { return of_ != nullptr; }

    /// Resumes the waiter once there is something to read, or the end. One at a time.
    void wait_readable(Waiter waiter) const { of_->wait_readable(index_, std::move(waiter)); }
    /// Calls `handler(std::error_code)` once bytes are taken. One at a time.
    template <class Handler>
    void wait_writable(Handler handler) const {
        of_->wait_writable(index_, std::make_unique<CallbackOf<Handler>>(std::move(handler)));
    }
    /// The socket was read empty: the next wait is for what comes from now on.
    void drained() const { of_->slots_[index_].readable = false; }
    /// Ends every wait with `operation_aborted`.
    void cancel() const { of_->abort(index_); }

  private:
    Readiness* of_ = nullptr;
    std::uint32_t index_ = 0;
};

}  // namespace stepcast::aio

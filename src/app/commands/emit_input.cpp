#include "app/commands/emit_input.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <cerrno>

namespace stepcast::app {
namespace {

constexpr std::size_t chunk_size = 64 * 1024;

std::error_code last_error() {
    return {errno, std::generic_category()};
}

int make_event() {
    const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0) throw std::system_error{last_error(), "eventfd"};
    return descriptor;
}

}  // namespace

EmitInput::EmitInput(const asio::any_io_executor& strand, int descriptor, std::size_t bound_bytes)
    : strand_{strand},
      notice_{strand},
      descriptor_{descriptor},
      stop_event_{make_event()},
      bound_{bound_bytes},
      thread_{[this] { read_all(); }} {}

EmitInput::~EmitInput() {
    stop();
    thread_.join();
    ::close(stop_event_);
}

aio::awaitable<std::string> EmitInput::next() {
    for (;;) {
        {
            const std::scoped_lock lock{mutex_};
            if (!chunks_.empty()) {
                std::string chunk = std::move(chunks_.front());
                chunks_.pop_front();
                bytes_ -= chunk.size();
                room_.notify_one();
                co_return chunk;
            }
            if (ended_) co_return std::string{};
        }
        co_await notice_.wait();
    }
}

void EmitInput::stop() {
    const std::scoped_lock lock{mutex_};
    stopped_ = true;
    room_.notify_one();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_event_, &one, sizeof one);
}

bool EmitInput::ended() const {
    const std::scoped_lock lock{mutex_};
    return ended_;
}

bool EmitInput::full() const {
    const std::scoped_lock lock{mutex_};
    return bytes_ >= bound_;
}

std::error_code EmitInput::error() const {
    const std::scoped_lock lock{mutex_};
    return error_;
}

std::size_t EmitInput::lines_with(std::string_view before) const {
    const std::scoped_lock lock{mutex_};
    std::ptrdiff_t count = std::ranges::count(before, '\n');
    for (const std::string& chunk : chunks_) count += std::ranges::count(chunk, '\n');
    const std::string_view last = chunks_.empty() ? before : chunks_.back();
    if (!last.empty() && !last.ends_with('\n')) ++count;
    return static_cast<std::size_t>(count);
}

void EmitInput::read_all() {
    std::array<char, chunk_size> buffer;
    while (wait_for_bytes()) {
        const ssize_t size = ::read(descriptor_, buffer.data(), buffer.size());
        if (size > 0) give({buffer.data(), static_cast<std::size_t>(size)});
        if (size == 0) return end({});
        // A descriptor that another process made non-blocking may have nothing after all.
        if (size < 0 && errno != EINTR && errno != EAGAIN) return end(last_error());
        std::unique_lock lock{mutex_};
        room_.wait(lock, [this] { return stopped_ || bytes_ < bound_; });
        if (stopped_) break;
    }
    end({});
}

/// False once `stop` was called.
bool EmitInput::wait_for_bytes() const {
    std::array<pollfd, 2> watched{{{descriptor_, POLLIN, 0}, {stop_event_, POLLIN, 0}}};
    while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
    }
    return watched[1].revents == 0;
}

void EmitInput::give(std::string_view bytes) {
    const std::scoped_lock lock{mutex_};
    // Small pieces are joined: each of its own would cost more than its bytes.
    if (!chunks_.empty() && chunks_.back().size() + bytes.size() <= chunk_size)
        chunks_.back().append(bytes);
    else
        chunks_.emplace_back(bytes);
    bytes_ += bytes.size();
    asio::post(strand_, [this] { notice_.notify(); });
}

void EmitInput::end(std::error_code error) {
    const std::scoped_lock lock{mutex_};
    error_ = error;
    ended_ = true;
    asio::post(strand_, [this] { notice_.notify(); });
}

}  // namespace stepcast::app

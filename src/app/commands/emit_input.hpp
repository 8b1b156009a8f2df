#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "aio/notice.hpp"

namespace stepcast::app {

/// Reads a pipe or file on a thread of its own, so that whoever writes into it is not held up while nothing
/// is taken. At the bound reading pauses, and a pipe's writer blocks until something is taken. All calls on
/// the strand.
class EmitInput {
  public:
    /// Starts to read. `descriptor` stays open and as it is: its mode is shared with other processes.
    EmitInput(const asio::any_io_executor& strand, int descriptor, std::size_t bound_bytes = 64 << 20);
    ~EmitInput();
    EmitInput(const EmitInput&) = delete;
    EmitInput& operator=(const EmitInput&) = delete;

    /// What was read since, at most 64 KiB, waiting for it; empty at the end. What comes slowly is given at
    /// once, what comes fast in bulk.
    aio::awaitable<std::string> next();

    /// Reads no more; what was read before is still given.
    void stop();

    /// Whether nothing more will be read.
    bool ended() const;
    /// Whether reading pauses at the bound.
    bool full() const;
    /// What ended the reading, if it was not the end.
    std::error_code error() const;
    /// How many lines `before` and what `next` would still give are, an unfinished one included.
    std::size_t lines_with(std::string_view before) const;

  private:
    void read_all();
    bool wait_for_bytes() const;
    void give(std::string_view bytes);
    void end(std::error_code error);

    asio::any_io_executor strand_;
    aio::Notice notice_;
    const int descriptor_;
    const int stop_event_;
    const std::size_t bound_;

    mutable std::mutex mutex_;  // of all below but the thread
    std::condition_variable room_;
    std::deque<std::string> chunks_;
    std::size_t bytes_ = 0;  // in chunks_
    std::error_code error_;
    bool ended_ = false;
    bool stopped_ = false;

    std::thread thread_;  // the last: it uses the others
};

}  // namespace stepcast::app

#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

namespace stepcast::app {

/// The machine's clock plus an offset that stands in a file: a control for tests, which step the wall clock
/// of a running server by it. Thread-safe; looks into the file at every call.
class OffsetClock final : public Clock {
  public:
    /// The file holds a decimal number of milliseconds, ended by a line end. An error if it cannot be read or
    /// holds anything else.
    static result<std::unique_ptr<OffsetClock>> open(const std::string& path);
    explicit OffsetClock(int fd) : fd_{fd} {}
    ~OffsetClock() override;
    OffsetClock(const OffsetClock&) = delete;
    OffsetClock& operator=(const OffsetClock&) = delete;

    /// While the file holds no such number, as in the middle of a change, the last one holds.
    Timestamp now() const override;

  private:
    bool read() const;

    const int fd_;
    mutable std::atomic<std::int64_t> offset_ms_{0};
};

}  // namespace stepcast::app

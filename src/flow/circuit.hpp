#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace stepcast::flow {

/// Whether one kind of call to a dependency is worth making now. Closed: calls are made, at most so many at a
/// time. After several in a row without an answer it is open: none is made for a while, then half-open: one,
/// whose answer closes it. Pure; all calls on one strand.
class Circuit {
  public:
    struct Options {
        std::uint32_t failures = 5;                     ///< in a row that open it; at least 1
        Duration open_for = std::chrono::seconds{30};   ///< until one call is tried
        std::size_t max_at_once = 64;                   ///< calls; at least 1
        Duration room_after = std::chrono::seconds{1};  ///< when to come again if there are so many
    };
    enum class State : std::uint8_t { closed, half_open, open };

    explicit Circuit(Options options) : options_{options} {}

    /// Nothing: the call is made, and `leave` says what came of it. Else how long to wait before asking
    /// again.
    std::optional<Duration> enter(Timestamp now);
    /// `answered`: any answer, a refusal too. True if this opened the circuit.
    bool leave(bool answered, Timestamp now);

    State state(Timestamp now) const;
    std::size_t under_way() const { return under_way_; }
    std::size_t max_at_once() const { return options_.max_at_once; }
    std::uint32_t failures() const { return failures_; }  ///< in a row, up to now
    /// Of one that is not closed: when a call is tried.
    std::optional<Timestamp> open_until() const { return open_until_; }
    std::uint64_t opened() const { return opened_; }
    std::uint64_t put_off() const { return put_off_; }  ///< calls that were told to wait

  private:
    const Options options_;
    std::size_t under_way_ = 0;
    std::uint32_t failures_ = 0;  // in a row
    std::optional<Timestamp> open_until_{};
    std::uint64_t opened_ = 0;
    std::uint64_t put_off_ = 0;
};

/// `closed`, `half-open`, `open`.
std::string_view name_of(Circuit::State state);

}  // namespace stepcast::flow

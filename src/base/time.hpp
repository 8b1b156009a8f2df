#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepcast {

/// A moment of the wall clock in milliseconds since 1970 UTC: all that events carry.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

/// Wall clock, injectable so that tests and fault runs can step it. Thread-safe. Heartbeats, deadlines and
/// back-offs use the steady clock instead, which no operator can set.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual Timestamp now() const = 0;
};

/// The machine's clock.
const Clock& system_clock();

/// Whole seconds since 1970, rounded down.
std::int64_t unix_seconds(Timestamp t);

/// Room that `format_rfc3339` needs: "2024-01-01T10:00:00.000Z".
inline constexpr std::size_t rfc3339_size = 24;

/// Writes `t` as RFC 3339 in UTC with milliseconds into `out` (rfc3339_size bytes, no terminator). Years
/// 0000–9999.
void format_rfc3339(Timestamp t, char* out);
std::string format_rfc3339(Timestamp t);

/// Reads RFC 3339 (section 5.6) with any offset and any fraction, truncated to milliseconds; a leap second
/// counts as :59.999. Empty for anything else, days that do not exist included.
std::optional<Timestamp> parse_rfc3339(std::string_view text);

/// Reads "300ms", "30s", "5m", "24h" or "7d": a whole number and a unit.
std::optional<Duration> parse_duration(std::string_view text);

/// The shortest of the forms above that is exact: 90000 ms is "90s".
std::string format_duration(Duration d);

}  // namespace stepcast

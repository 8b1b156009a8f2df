#pragma once
#include <chrono>
#include <cstdint>

namespace stepcast::app {

/// What the system knows of this process, read from /proc. Any thread.
struct ProcessStats {
    double cpu_seconds = 0;
    double start_time_seconds = 0;  ///< since 1970
    double uptime_seconds = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_fds = 0;
    std::uint64_t max_fds = 0;
    std::uint64_t threads = 0;
};

/// Reading walks all descriptors, which takes milliseconds with many thousand: what is younger than this is
/// given again, or whoever scrapes often would hold up everybody else.
inline constexpr std::chrono::milliseconds process_stats_age{250};

ProcessStats read_process();

/// Raises the limit of open descriptors to the hard one. Returns what holds now.
std::uint64_t raise_descriptor_limit();

}  // namespace stepcast::app

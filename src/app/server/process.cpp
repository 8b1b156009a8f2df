#include "app/server/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

namespace stepcast::app {
namespace {

/// Fields of /proc/self/stat behind the command's name, which may hold spaces; [0] is field 3 of proc(5).
std::vector<std::string> stat_fields() {
    std::ifstream in{"/proc/self/stat"};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    std::istringstream rest{text.substr(std::min(text.size(), text.rfind(')') + 1))};
    return {std::istream_iterator<std::string>{rest}, {}};
}

double machine_uptime() {
    std::ifstream in{"/proc/uptime"};
    double seconds = 0;
    in >> seconds;
    return seconds;
}

double wall_seconds() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::uint64_t count_entries(const char* folder) {
    std::error_code error;
    std::uint64_t count = 0;
    for (std::filesystem::directory_iterator at{folder, error}, end; !error && at != end; at.increment(error))
        ++count;
    return count;
}

ProcessStats read_now() {
    ProcessStats stats;
    const auto fields = stat_fields();
    if (fields.size() > 21) {
        const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
        stats.cpu_seconds = (std::stod(fields[11]) + std::stod(fields[12])) / ticks;
        stats.threads = std::stoull(fields[17]);
        stats.uptime_seconds = machine_uptime() - std::stod(fields[19]) / ticks;
        stats.start_time_seconds = wall_seconds() - stats.uptime_seconds;
        stats.virtual_bytes = std::stoull(fields[20]);
        stats.resident_bytes = std::stoull(fields[21]) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
    stats.open_fds = count_entries("/proc/self/fd");
    return stats;
}

}  // namespace

ProcessStats read_process() {
    static std::mutex mutex;
    static ProcessStats last;
    static std::chrono::steady_clock::time_point read_at;
    const std::lock_guard lock{mutex};
    const auto now = std::chrono::steady_clock::now();
    if (now - read_at >= process_stats_age || read_at == std::chrono::steady_clock::time_point{}) {
        last = read_now();
        read_at = now;
    }
    return last;
}

std::uint64_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

}  // namespace stepcast::app

#include "app/config/machine.hpp"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.hpp"

namespace stepcast::app {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> first_line(const fs::path& path) {
    std::ifstream in{path};
    std::string line;
    if (!std::getline(in, line)) return std::nullopt;
    return line;
}

std::uint64_t memory_total(const fs::path& root) {
    std::ifstream in{root / "proc/meminfo"};
    std::string name;
    std::uint64_t kib = 0;
    while (in >> name >> kib) {
        if (name == "MemTotal:") return kib * 1024;
        in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return std::uint64_t{1} << 30;
}

struct Group {
    std::string controllers;  ///< empty: version 2
    std::string path;
};

std::vector<Group> own_groups(const fs::path& root) {
    std::vector<Group> groups;
    std::ifstream in{root / "proc/self/cgroup"};
    for (std::string line; std::getline(in, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        groups.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
    }
    return groups;
}

/// The folder of the group and all above it. Inside a container the path may be the host's and not exist
/// here: then only the mount's root is seen, which is the container's own group.
std::vector<fs::path> upward(const fs::path& mount, const std::string& path) {
    std::vector<fs::path> all;
    for (fs::path at = fs::path{path}.relative_path(); !at.empty(); at = at.parent_path())
        all.push_back(mount / at);
    all.push_back(mount);
    return all;
}

void lower(std::uint64_t& limit, const std::optional<std::string>& text) {
    if (!text) return;
    if (const auto value = parse_number<std::uint64_t>(*text); value && *value > 0)
        limit = std::min(limit, *value);
}

void lower_cores(int& cores, std::int64_t quota_us, std::int64_t period_us) {
    if (quota_us <= 0 || period_us <= 0) return;
    const std::int64_t whole = (quota_us + period_us - 1) / period_us;
    cores = static_cast<int>(std::clamp<std::int64_t>(whole, 1, cores));
}

void read_version2(const fs::path& folder, Machine& machine) {
    lower(machine.memory, first_line(folder / "memory.max"));
    std::istringstream cpu{first_line(folder / "cpu.max").value_or("max 0")};
    std::int64_t quota = 0;
    std::int64_t period = 0;
    if (cpu >> quota >> period) lower_cores(machine.cores, quota, period);
}

void read_version1_cpu(const fs::path& folder, Machine& machine) {
    const auto quota = parse_number<std::int64_t>(first_line(folder / "cpu.cfs_quota_us").value_or(""));
    const auto period = parse_number<std::int64_t>(first_line(folder / "cpu.cfs_period_us").value_or(""));
    if (quota && period) lower_cores(machine.cores, *quota, *period);
}

int allowed_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

}  // namespace

Machine read_machine(const fs::path& root) {
    Machine machine{memory_total(root), allowed_cores()};
    const fs::path mounts = root / "sys/fs/cgroup";
    for (const Group& group : own_groups(root)) {
        if (group.controllers.empty()) {
            for (const auto& folder : upward(mounts, group.path)) read_version2(folder, machine);
            for (const auto& folder : upward(mounts / "unified", group.path)) read_version2(folder, machine);
        } else if (("," + group.controllers + ",").find(",memory,") != std::string::npos) {
            for (const auto& folder : upward(mounts / group.controllers, group.path))
                lower(machine.memory, first_line(folder / "memory.limit_in_bytes"));
        } else if (("," + group.controllers + ",").find(",cpu,") != std::string::npos) {
            for (const auto& folder : upward(mounts / group.controllers, group.path))
                read_version1_cpu(folder, machine);
        }
    }
    return machine;
}

}  // namespace stepcast::app

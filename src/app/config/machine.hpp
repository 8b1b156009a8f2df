#pragma once
#include <cstdint>
#include <filesystem>

namespace stepcast::app {

/// What this process may use of the machine.
struct Machine {
    std::uint64_t memory = 0;  ///< bytes: the machine's, or the lowest limit of the cgroups it is in
    int cores = 1;             ///< allowed by affinity and by the cgroups' CPU quota, rounded up; at least 1
};

/// Reads cgroups of version 1, of version 2 and both mixed, from the process's own group up to the root.
/// `root` is "/" except in tests.
Machine read_machine(const std::filesystem::path& root = "/");

}  // namespace stepcast::app

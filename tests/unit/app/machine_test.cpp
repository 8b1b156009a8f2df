#include "app/config/machine.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace stepcast::app {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t mib = 1 << 20;

/// A machine's files in a folder of their own: 1 GiB of memory, the cores of the real one.
class FakeRoot {
  public:
    FakeRoot() {
        std::string pattern = fs::temp_directory_path() / "stepcast-machine-XXXXXX";
        path_ = mkdtemp(pattern.data());
        write("proc/meminfo", "MemTotal:        1048576 kB\nMemFree:          524288 kB\n");
    }
    ~FakeRoot() { fs::remove_all(path_); }

    FakeRoot& write(const fs::path& file, const std::string& text) {
        fs::create_directories((path_ / file).parent_path());
        std::ofstream{path_ / file} << text;
        return *this;
    }
    Machine read() const { return read_machine(path_); }

  private:
    fs::path path_;
};

TEST(Machine, without_cgroups_it_is_the_machines_memory) {
    EXPECT_EQ(FakeRoot{}.read().memory, 1024 * mib);
    EXPECT_GE(FakeRoot{}.read().cores, 1);
}

TEST(Machine, version_2_takes_the_lowest_limit_up_to_the_root) {
    FakeRoot root;
    root.write("proc/self/cgroup", "0::/a/b\n")
        .write("sys/fs/cgroup/a/b/memory.max", "max\n")
        .write("sys/fs/cgroup/a/memory.max", "268435456\n")
        .write("sys/fs/cgroup/a/b/cpu.max", "100000 100000\n");
    EXPECT_EQ(root.read().memory, 256 * mib);
    EXPECT_EQ(root.read().cores, 1);
}

TEST(Machine, version_2_in_a_container_sees_its_limits_at_the_mount) {
    FakeRoot root;
    root.write("proc/self/cgroup", "0::/\n")
        .write("sys/fs/cgroup/memory.max", "134217728\n")
        .write("sys/fs/cgroup/cpu.max", "50000 100000\n");
    EXPECT_EQ(root.read().memory, 128 * mib);
    EXPECT_EQ(root.read().cores, 1);
}

TEST(Machine, version_1_is_read_per_controller_also_where_the_hosts_path_does_not_exist) {
    FakeRoot root;
    root.write("proc/self/cgroup", "5:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n")
        .write("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n")
        .write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "90000\n")
        .write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(root.read().memory, 512 * mib);
    EXPECT_EQ(root.read().cores, 1);
}

TEST(Machine, no_quota_and_limits_above_the_machine_change_nothing) {
    FakeRoot root;
    const int cores = root.read().cores;
    root.write("proc/self/cgroup", "5:cpu:/\n3:memory:/\n0::/\n")
        .write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
        .write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
        .write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
        .write("sys/fs/cgroup/cpu.max", "max 100000\n");
    EXPECT_EQ(root.read().memory, 1024 * mib);
    EXPECT_EQ(root.read().cores, cores);
}

}  // namespace
}  // namespace stepcast::app

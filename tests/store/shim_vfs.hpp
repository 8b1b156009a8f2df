#pragma once
#include <cstdint>
#include <functional>

namespace stepcast::store::test {

/// SQLite's default file system with a door for faults: while it lives, every call that reaches the disk asks
/// it first. One at a time; the calls come from the thread that uses the database.
class ShimVfs {
  public:
    enum class Call { open, read, write, sync, truncate, lock, remove };

    /// What a call answers instead of doing its work: a SQLite code; 0 lets it through.
    using Fault = std::function<int(Call)>;

    explicit ShimVfs(Fault fault);
    ~ShimVfs();
    ShimVfs(const ShimVfs&) = delete;
    ShimVfs& operator=(const ShimVfs&) = delete;
};

}  // namespace stepcast::store::test

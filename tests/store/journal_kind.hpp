#pragma once
#include <filesystem>
#include <map>

#include "store/journal/journaled_store.hpp"
#include "store/store_fixture.hpp"

namespace stepcast::store::test {

/// A folder that goes with everything in it.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string file(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

/// Opens and loads; throws if that cannot be done.
std::unique_ptr<JournaledStore> open_journal(const aio::Strand& strand, const std::string& path,
                                             const Limits& limits, const Clock& clock,
                                             std::uint64_t max_bytes = 0,
                                             LetsGo lets_go = LetsGo::behind_snapshots,
                                             std::vector<SnapshotKind> begins_at = {});

}  // namespace stepcast::store::test

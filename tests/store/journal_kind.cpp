#include "store/journal_kind.hpp"

#include <stdlib.h>

#include "base/random.hpp"
#include "store/model_run.hpp"

namespace stepcast::store::test {

TemporaryFolder::TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "stepcast-journal-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
    path_ = name;
}

std::unique_ptr<JournaledStore> open_journal(const aio::Strand& strand, const std::string& path,
                                             const Limits& limits, const Clock& clock,
                                             std::uint64_t max_bytes) {
    auto file = JournalFile::open({path, max_bytes, categories});
    if (!file) throw std::runtime_error{file.error().text()};
    auto store = std::make_unique<JournaledStore>(strand, std::move(*file), limits, max_bytes, clock);
    const aio::Stop never;
    const auto loaded = run_to_end(strand, store->load(never));
    if (!loaded) throw std::runtime_error{loaded.error().text()};
    return store;
}

namespace {

/// Where a store's file is; the folder goes with the last store that lived in it.
struct Home {
    std::shared_ptr<TemporaryFolder> folder;
    std::string path;
};
std::map<const EventStore*, Home> homes;

std::unique_ptr<EventStore> open_in(const Home& home, const aio::Strand& strand, const Limits& limits,
                                    const Clock& clock) {
    auto store = open_journal(strand, home.path, limits, clock);
    homes.insert_or_assign(store.get(), home);
    return store;
}

std::unique_ptr<EventStore> make(aio::Strand strand, Limits limits, const Clock& clock) {
    const auto folder = std::make_shared<TemporaryFolder>();
    return open_in({folder, folder->file("journal")}, strand, limits, clock);
}

std::unique_ptr<EventStore> reopen(std::unique_ptr<EventStore> store, aio::Strand strand, Limits limits,
                                   const Clock& clock) {
    const auto home = homes.extract(store.get()).mapped();
    run_to_end(strand, [](EventStore& of) -> awaitable<bool> {
        co_await of.close();
        co_return true;
    }(*store));
    store.reset();
    return open_in(home, strand, limits, clock);
}

const auto kinds =
    testing::Values(StoreKind{"journal", make, reopen}, StoreKind{"journal_reopened", make, reopen, true});
const auto name = [](const auto& kind) { return kind.param.name; };

}  // namespace

INSTANTIATE_TEST_SUITE_P(Journal, StoreTest, kinds, name);
INSTANTIATE_TEST_SUITE_P(Journal, StoreModelTest, kinds, name);
INSTANTIATE_TEST_SUITE_P(Journal, DurableStoreTest, kinds, name);

}  // namespace stepcast::store::test

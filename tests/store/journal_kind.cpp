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
                                             std::uint64_t max_bytes, LetsGo lets_go,
                                             std::vector<SnapshotKind> begins_at) {
    auto file = JournalFile::open({path, max_bytes, categories});
    if (!file) throw std::runtime_error{file.error().text()};
    auto store = std::make_unique<JournaledStore>(strand, std::move(*file), limits, max_bytes, clock);
    store->let_go(lets_go);
    store->begin_at(std::move(begins_at));
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
    LetsGo lets_go;
    std::vector<SnapshotKind> begins_at;
};
std::map<const EventStore*, Home> homes;

std::unique_ptr<EventStore> open_in(const Home& home, const aio::Strand& strand, const Limits& limits,
                                    const Clock& clock) {
    auto store = open_journal(strand, home.path, limits, clock, 0, home.lets_go, home.begins_at);
    homes.insert_or_assign(store.get(), home);
    return store;
}

template <LetsGo lets_go>
std::unique_ptr<EventStore> make(aio::Strand strand, Limits limits, const Clock& clock) {
    const auto folder = std::make_shared<TemporaryFolder>();
    return open_in({folder, folder->file("journal"), lets_go, {{&account, 1}}}, strand, limits, clock);
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

// "away": every event is in the file only, as soon as it is durable.
const auto kinds =
    ::testing::Values(StoreKind{"journal", make<LetsGo::behind_snapshots>, reopen},
                      StoreKind{"journal_reopened", make<LetsGo::behind_snapshots>, reopen, true},
                      StoreKind{"journal_away", make<LetsGo::everything>, reopen, false, false});
// What a start adds to it the model finds, so that not every test has to be run once more.
const auto away_reopened =
    ::testing::Values(StoreKind{"journal_away_reopened", make<LetsGo::everything>, reopen, true, false});
const auto name = [](const auto& kind) { return kind.param.name; };

}  // namespace

INSTANTIATE_TEST_SUITE_P(Journal, StoreTest, kinds, name);
INSTANTIATE_TEST_SUITE_P(Journal, StoreModelTest, kinds, name);
INSTANTIATE_TEST_SUITE_P(JournalAway, StoreModelTest, away_reopened, name);
INSTANTIATE_TEST_SUITE_P(Journal, DurableStoreTest, kinds, name);

}  // namespace stepcast::store::test

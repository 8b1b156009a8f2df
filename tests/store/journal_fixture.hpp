#pragma once
#include "aio/notice.hpp"
#include "store/journal/tools.hpp"
#include "store/journal_kind.hpp"

namespace stepcast::store::test {

/// A journal in a folder of its own.
class JournalTest : public ::testing::Test {
  protected:
    std::unique_ptr<JournaledStore> open(std::uint64_t max_bytes = 0) {
        return open_journal(strand, path, limits, clock, max_bytes);
    }
    void close(JournaledStore& store) {
        run_to_end(strand, [](JournaledStore& of) -> awaitable<bool> {
            co_await of.close();
            co_return true;
        }(store));
    }
    /// Commits one event; tries again, as a caller does, until it is taken.
    CommitResult insist(JournaledStore& store, const std::string& stream, const std::string& id,
                        const DraftOptions& options = {}) {
        return run_to_end(strand, insist_on(store, commit_of({draft(stream, id, options)})));
    }
    static awaitable<CommitResult> insist_on(JournaledStore& store, Commit commit) {
        // A disk that is busy with others may take seconds for one sync.
        const auto deadline = std::chrono::steady_clock::now() + 30s;
        for (;;) {
            auto results = co_await store.commit_many({&commit, 1});
            if (results[0] || std::chrono::steady_clock::now() > deadline) co_return std::move(results[0]);
            co_await aio::pause(5ms);
        }
    }
    /// Of a call that ends while others go on, as the attempts of a journal that cannot be written do.
    template <class T>
    T value_of(awaitable<T> work) {
        std::optional<T> value;
        asio::co_spawn(strand, std::move(work), [&](std::exception_ptr death, T v) {
            EXPECT_FALSE(death);
            value.emplace(std::move(v));
        });
        io.restart();
        for (int steps = 0; steps < 10'000 && !value; ++steps) io.run_one_for(1s);
        if (!value) throw std::runtime_error{"the call did not end"};
        return std::move(*value);
    }
    std::vector<EventRef> everything(JournaledStore& store) {
        return run_to_end(strand, store.read_all({.limit = 1'000'000})).value().events;
    }
    std::string refusal_to_open() {
        auto file = JournalFile::open({path, 0, categories});
        return file ? "opened" : file.error().detail;
    }

    TemporaryFolder folder;
    std::string path = folder.file("journal");
    asio::io_context io;
    aio::Strand strand{asio::make_strand(io)};
    TestClock clock;
    Limits limits{.ttl = 10min, .running_ttl = 60min, .tombstone_ttl = 120min};
};

namespace fs = std::filesystem;

/// What is done to its files beside it.
class JournalHands : public JournalTest {
  protected:
    /// What a kill would leave now of the journal at `path`, under another name.
    std::string crashed(const std::string& name) {
        const auto image = folder.file(name);
        for (const auto* suffix : {"", "-wal", "-mark"})
            fs::copy(path + suffix, image + suffix, fs::copy_options::overwrite_existing);
        return image;
    }
    static std::string why_not(const std::string& at) {
        auto file = JournalFile::open({at, 0, categories});
        return file ? "opened" : file.error().detail;
    }
    /// The image of a journal with a backup in its place, its log beside it.
    std::string backup_under_an_old_log() {
        auto store = open();
        EXPECT_TRUE(insist(*store, "a", "1"));
        EXPECT_TRUE(backup_journal(path, folder.file("backup")));
        EXPECT_TRUE(insist(*store, "a", "2"));
        const auto image = crashed("image");
        close(*store);
        fs::copy(folder.file("backup"), image, fs::copy_options::overwrite_existing);
        return image;
    }
    void commits(const std::string& at, const std::string& id) {
        path = at;
        auto store = open();
        ASSERT_TRUE(insist(*store, "later", id));
        close(*store);
    }
    errc first_answer(JournaledStore& store, const std::string& id) {
        auto one = commit_of({draft("a", id)});
        return refusal(value_of(store.commit_many({&one, 1}))[0]);
    }
    /// Runs the core until the store is as asked for.
    bool becomes(JournaledStore& store, bool healthy) {
        for (int i = 0; i < 500 && store.healthy() != healthy; ++i) {
            store.look();
            io.restart();
            io.run_for(20ms);
        }
        return store.healthy() == healthy;
    }
};

}  // namespace stepcast::store::test

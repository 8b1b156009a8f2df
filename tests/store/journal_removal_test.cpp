// What a journal holds while a long stream is removed from a store in turns.
#include <asio/detached.hpp>

#include <sstream>

#include "store/journal_fixture.hpp"

namespace stepcast::store::test {
namespace {

/// `count` events of one stream about `subjects` users in turn: user N's last event has the position
/// `count` - `subjects` + 1 + N.
std::vector<Commit> room(int count, int subjects) {
    std::vector<Commit> commits;
    for (int i = 0; i < count; ++i)
        commits.push_back(
            commit_of({draft("room", std::to_string(i), {.subject = std::to_string(i % subjects)})}));
    return commits;
}

class JournalRemoval : public JournalHands {
  protected:
    Position lost(JournaledStore& store, int subject) {
        return run_to_end(strand, store.subject_lost_through(std::to_string(subject), tasks)).value();
    }
};

TEST_F(JournalRemoval, what_the_subjects_of_a_stream_have_lost_is_told_in_slices) {
    JournalChanges changes;
    MemoryStore store{limits, clock, "epoch", changes};
    store.restore_head(0);
    auto commits = room(100'000, 100'000);
    run_to_end(strand, store.commit_many(commits));
    clock.at += 60min;
    ASSERT_FALSE(run_to_end(strand, store.cleanup(clock.at))->done);
    EXPECT_LT(changes.pending().changes.size(), 50'000u);
    while (!run_to_end(strand, store.cleanup(clock.at))->done) {
    }
    EXPECT_EQ(changes.pending().changes.size(), 100'001u);
}

TEST_F(JournalRemoval, a_kill_while_a_stream_is_removed_leaves_no_subject_unaware_of_its_loss) {
    auto store = open();
    auto commits = room(20'000, 500);
    run_to_end(strand, store->commit_many(commits));
    clock.at += 60min;
    ASSERT_FALSE(run_to_end(strand, store->cleanup(clock.at))->done);
    ASSERT_TRUE(insist(*store, "other", "1"));
    const auto image = crashed("image");
    close(*store);

    std::ostringstream text;
    ASSERT_TRUE(export_journal(image, categories, text, {}));
    for (const auto* name : {"0", "250", "499"})
        EXPECT_NE(text.str().find("\"of\":\"subject\",\"name\":\"" + std::string{name} + "\""),
                  std::string::npos);
    path = image;
    store = open();
    for (int i = 0; i < 500; ++i) EXPECT_EQ(lost(*store, i), Position(19'501 + i));
    EXPECT_EQ(everything(*store).size(), 1u);
    close(*store);
}

TEST_F(JournalRemoval, a_long_stream_is_erased_in_one_transaction_whatever_is_written_meanwhile) {
    auto store = open();
    auto commits = room(50'000, 2);
    run_to_end(strand, store->commit_many(commits));
    Commit gone;
    gone.erase = {{&task, "room"}};
    bool erased = false;
    asio::co_spawn(
        strand,
        [&]() -> awaitable<void> {
            EXPECT_TRUE((co_await store->commit_many({&gone, 1})).at(0));
            erased = true;
        },
        asio::detached);
    for (int i = 0; i < 1000 && !erased; ++i) {
        ASSERT_TRUE(run_to_end(strand, insist_on(*store, commit_of({draft("other", std::to_string(i))}))));
        Database reader{path, Database::Mode::read};
        Transaction view{reader, "BEGIN DEFERRED"};
        const auto losses = reader.number("SELECT count(*) FROM losses WHERE name='room'");
        const auto events = reader.number("SELECT count(*) FROM events WHERE data LIKE '%\"body\":\"x\"%'");
        EXPECT_EQ(losses == 0, events >= 50'000) << losses << ' ' << events;
    }
    EXPECT_TRUE(erased);
    close(*store);
}

}  // namespace
}  // namespace stepcast::store::test

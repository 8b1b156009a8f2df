// What stands in a journal of messages that were sent.
#include "store/journal/sqlite.hpp"
#include "store/journal_fixture.hpp"

namespace stepcast::store::test {

class JournalOutbox : public JournalTest {
  protected:
    void owe(JournaledStore& store, const std::string& id, std::size_t size = 1) {
        Commit one;
        one.outbox = {{id, "topic", "k", std::string(size, 'v')}};
        EXPECT_TRUE(run_to_end(strand, store.commit_many({&one, 1}))[0]);
    }
    void send(JournaledStore& store, std::vector<std::string> ids) {
        Commit one;
        one.sent = std::move(ids);
        EXPECT_TRUE(run_to_end(strand, store.commit_many({&one, 1}))[0]);
    }
    void clean(JournaledStore& store) {
        while (!run_to_end(strand, store.cleanup(clock.at)).value().done) {
        }
        send(store, {});  // whatever came before it is durable then
    }
    /// The ids in the file in the order in which they were promised; those that were sent with when, in
    /// seconds since the beginning.
    std::string rows() {
        Database db{path, Database::Mode::read};
        auto rows = db.prepare("SELECT id, processed_at FROM outbox ORDER BY number");
        std::string all;
        while (rows.step()) {
            all.append(all.empty() ? "" : " ").append(rows.text(0));
            if (const auto at = rows.number(1); at != 0)
                all.append("@").append(std::to_string((at - began.time_since_epoch().count()) / 1000));
        }
        return all;
    }

    const Timestamp began = clock.at;
};

TEST_F(JournalOutbox, a_row_that_was_sent_says_when_for_as_long_as_it_is_kept) {
    limits.sent_keep = 60s;
    auto store = open();
    owe(*store, "a");
    owe(*store, "b");
    clock.at += 10s;
    send(*store, {"a"});
    clock.at += 20s;
    send(*store, {"b"});
    owe(*store, "c");
    EXPECT_EQ(rows(), "a@10 b@30 c");
    EXPECT_EQ(run_to_end(strand, store->outbox(0, 10)).value().size(), 1u);
    clock.at += 40s;
    clean(*store);
    EXPECT_EQ(rows(), "b@30 c") << "a was sent 60 s ago";
    close(*store);
    store.reset();

    // A start knows of them: numbers go on behind them, and they leave in their time.
    store = open();
    EXPECT_EQ(run_to_end(strand, store->outbox(0, 10)).value().size(), 1u);
    EXPECT_EQ(store->stats().pending_since, began + 30s);
    send(*store, {"c"});
    close(*store);
    store.reset();
    store = open();
    owe(*store, "d");
    EXPECT_EQ(rows(), "b@30 c@70 d");
    clock.at += 60s;
    clean(*store);
    EXPECT_EQ(rows(), "d");
    close(*store);
}

TEST_F(JournalOutbox, rows_that_were_sent_are_bounded_and_the_oldest_leave_first) {
    limits.max_sent_bytes = 3'000;
    auto store = open();
    for (const auto* id : {"a", "b", "c", "d"}) owe(*store, id, 1'000);
    send(*store, {"a", "b", "c", "d"});
    EXPECT_EQ(rows(), "c@0 d@0");
    close(*store);
}

TEST_F(JournalOutbox, of_one_group_those_that_were_sent_say_so_and_leave_and_no_others) {
    limits.sent_keep = 60s;
    auto store = open();
    for (const auto* id : {"a", "b", "c", "d", "e", "f", "g"}) owe(*store, id);
    clock.at += 10s;
    std::vector<Commit> together(3);
    together[0].sent = {"e", "a"};
    together[1].sent = {"c"};
    together[2].sent = {"f"};
    for (const auto& outcome : run_to_end(strand, store->commit_many(together))) EXPECT_TRUE(outcome);
    EXPECT_EQ(rows(), "a@10 b c@10 d e@10 f@10 g");
    clock.at += 60s;
    clean(*store);
    EXPECT_EQ(rows(), "b d g");
    close(*store);
}

TEST_F(JournalOutbox, without_a_time_to_keep_it_a_row_leaves_as_it_is_sent) {
    limits.sent_keep = 0s;
    auto store = open();
    owe(*store, "a");
    send(*store, {"a"});
    EXPECT_EQ(rows(), "");
    close(*store);
}

TEST_F(JournalOutbox, what_comes_while_a_reader_waits_is_not_told_to_it) {
    auto store = open();
    const auto owe_meanwhile = [&](std::string id) {
        asio::co_spawn(
            strand,
            [&store, id]() -> awaitable<void> {
                Commit one;
                one.outbox = {{id, "topic", "k", "v"}};
                EXPECT_TRUE((co_await store->commit_many({&one, 1})).at(0));
            },
            asio::detached);
    };
    owe_meanwhile("a");
    io.restart();
    io.poll();  // it is numbered and being written now
    std::string told;
    asio::co_spawn(
        strand,
        [&]() -> awaitable<void> {
            const auto owed = co_await store->outbox(0, 10);
            for (const auto& pending : owed.value()) told += pending->message.id;
        },
        asio::detached);
    owe_meanwhile("b");
    io.restart();
    io.run_for(60s);
    EXPECT_EQ(told, "a") << "b is not durable yet when the reader's wait ends: a kill may take it away";
    EXPECT_EQ(rows(), "a b");
    close(*store);
}

}  // namespace stepcast::store::test

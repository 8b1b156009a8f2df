// What a reader of a feed makes of a history that begins anew, on every store.
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "store/changing_store.hpp"
#include "store/feed_reader.hpp"
#include "store/memory/memory_store.hpp"
#include "store/store_fixture.hpp"

namespace stepcast::store::test {
namespace {

struct Follower {
    Follower(const aio::Strand& strand, EventStore& store)
        : reader{strand, store, [this](std::span<const EventRef> events, Position) -> awaitable<void> {
                     for (const auto& event : events) seen.emplace_back(event->id());
                     co_return;
                 }} {
        reader.on_new_epoch([this] { seen.emplace_back("new epoch"); });
        reader.start();
    }
    std::vector<std::string> seen;
    FeedReader reader;
};

/// Lets what is ready run, and no timer.
awaitable<void> turns(aio::Strand strand) {
    for (int i = 0; i < 100; ++i) co_await asio::post(strand, asio::use_awaitable);
}

}  // namespace

TEST_P(StoreTest, a_reader_begins_anew_as_soon_as_it_is_told_of_another_epoch) {
    for (const auto* id : {"1", "2", "3"}) ASSERT_TRUE(commit(commit_of({draft("a", id)})));
    MemoryStore other{limits, clock};
    ChangingStore changing{store()};
    run([](aio::Strand on, ChangingStore& subject, MemoryStore& next) -> awaitable<int> {
        Follower follower{on, subject};
        EXPECT_TRUE(co_await follower.reader.wait_applied(3, std::chrono::seconds{10}));
        subject.change_to(next);
        co_await turns(on);  // no poll: the new history may hold nothing that would tell of it
        EXPECT_EQ(follower.seen, (std::vector<std::string>{"1", "2", "3", "new epoch"}));
        EXPECT_EQ(follower.reader.applied(), 0u);

        auto one = commit_of({draft("a", "9")});
        EXPECT_TRUE((co_await subject.commit_many({&one, 1})).front());
        EXPECT_TRUE(co_await follower.reader.wait_applied(1, std::chrono::seconds{10}));
        EXPECT_EQ(follower.seen.back(), "9");
        co_await follower.reader.stop();

        Follower late{on, subject};
        EXPECT_TRUE(co_await late.reader.wait_applied(1, std::chrono::seconds{10}));
        EXPECT_EQ(late.seen, std::vector<std::string>{"9"});
        co_await late.reader.stop();
        co_return 0;
    }(strand, changing, other));
}

}  // namespace stepcast::store::test

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <algorithm>

#include "domain/progress/sources.hpp"
#include "store/forwarding_store.hpp"
#include "unit/progress/system.hpp"

namespace stepcast::progress::test {
namespace {

/// A store whose reads for subscribers take five milliseconds, as those of one on another machine may.
class SlowStore final : public store::test::ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;

    awaitable<result<store::Page>> read_stream(const event::Category& category, std::string_view stream,
                                               store::Range range) override {
        ++reads;
        co_await aio::pause(5ms);
        co_return co_await behind->read_stream(category, stream, range);
    }
    awaitable<result<store::Page>> read_subject(std::string_view subject, store::Categories categories,
                                                store::Range range) override {
        ++reads;
        co_await aio::pause(5ms);
        co_return co_await behind->read_subject(subject, categories, range);
    }

    int reads = 0;
};

class SlowReads : public ::testing::Test {
  protected:
    ~SlowReads() override {
        run(io, core, [this]() -> awaitable<void> {
            co_await hub.stop();
            co_await service.stop();
        });
    }

    awaitable<void> commit(const std::string& user, const std::string& task, int count) {
        std::vector<store::Commit> commits(static_cast<std::size_t>(count));
        for (auto& commit : commits) {
            ProgressEvent event;
            event.event_id = fmt::format("e{}", ++made);
            event.task_id = task;
            event.user_id = user;
            event.percentage = 1;
            event.timestamp = Timestamp{};
            commit.appends.emplace_back().events.push_back(make_draft(event, scratch));
        }
        for (const auto& done : co_await memory.commit_many(commits)) EXPECT_TRUE(done);
    }
    /// 5,000 events a second of others until all streams are live, at most for ten seconds.
    awaitable<void> write_foreign() {
        for (const auto end = std::chrono::steady_clock::now() + 10s;
             live < streams && std::chrono::steady_clock::now() < end;) {
            co_await commit("others", "foreign", 25);
            co_await aio::pause(5ms);
        }
    }
    /// What a session does until it is live, but that nothing is written.
    awaitable<void> follow(int i, std::string cursor) {
        const auto user = fmt::format("u{}", i);
        const auto source =
            i % 4 < 2 ? sources.of_user(user, cursor) : sources.of_task(fmt::format("t{}", i), user, cursor);
        int pages = 1;
        while (!(co_await source->next()).last && live < streams && pages < 50) ++pages;
        ++live;
        most_pages = std::max(most_pages, pages);
    }

    asio::io_context io;
    aio::Strand core{asio::make_strand(io)};
    store::MemoryStore memory{{}};
    SlowStore store{memory};
    broadcast::Broadcaster broadcaster{
        io, {}, [](event::Position, std::size_t) -> awaitable<broadcast::Missed> {
            co_return broadcast::Missed{};
        }};
    flow::FeedHub hub{core, store, broadcaster, system_clock(), 1h};
    ProgressEventService service{core, store, hub, broadcaster, system_clock(), {}};
    ProgressSources sources{service};
    int streams = 1000;
    int live = 0;
    int most_pages = 0;
    int made = 0;
    std::string scratch;
};

TEST_F(SlowReads, a_thousand_streams_at_once_are_live_after_a_few_reads_each_while_others_write) {
    run(io, core, [&]() -> awaitable<void> {
        hub.add(service);
        hub.start();
        for (int i = 0; i < streams; ++i) co_await commit(fmt::format("u{}", i), fmt::format("t{}", i), 2);
        EXPECT_TRUE(co_await hub.wait_applied(store.head(), 10s));
        aio::spawn(core, "others", [this] { return write_foreign(); });
        for (int i = 0; i < streams; ++i) {
            const auto cursor = i % 2 == 0 ? "" : fmt::format("{}.{}", store.epoch(), 2 * i + 1);
            aio::spawn(core, "stream", [this, i, cursor] { return follow(i, cursor); });
        }
        EXPECT_TRUE(co_await until([this] { return live == streams; }));
    });
    EXPECT_LE(store.reads, 2 * streams);
    EXPECT_LE(most_pages, 3);
}

}  // namespace
}  // namespace stepcast::progress::test

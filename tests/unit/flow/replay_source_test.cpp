#include "flow/replay_source.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <algorithm>
#include <asio/co_spawn.hpp>

#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

constexpr std::array<std::string_view, 1> counter_types{"COUNTED"};
constexpr event::Category counters{"counter", "counted", counter_types, true};
constexpr std::array<const event::Category*, 1> categories{&counters};

/// Reads of a user's counters that take five milliseconds each, as those of a store on another machine may.
class SlowCounters final : public Recoveries {
  public:
    SlowCounters(store::EventStore& store, std::string user, int& reads)
        : store_{store}, user_{std::move(user)}, reads_{reads} {}

    bool live() const override { return true; }
    Replay::Moment moment() const override { return {store_.epoch(), store_.head(), false, {}}; }
    awaitable<result<Replay::Head>> head() override { co_return Replay::Head{store_.head()}; }
    awaitable<result<store::Page>> read(store::Range range) override {
        ++reads_;
        co_await aio::pause(5ms);
        co_return co_await store_.read_subject(user_, categories, range);
    }
    awaitable<result<Replay::Begun>> begin(RecoveryReason, event::Position) override {
        co_await aio::pause(5ms);
        due_ = true;
        co_return Replay::Begun{};
    }
    awaitable<result<std::optional<Recovery>>> next_due() override {
        if (!std::exchange(due_, false)) co_return std::nullopt;
        co_return Recovery{event::Event::control(counters, "event: recovery\ndata: {}\n\n", user_, user_),
                           user_, store_.head()};
    }
    awaitable<result<std::optional<Recovery>>> next_turned() override { co_return std::nullopt; }
    bool ends_with(const event::Event&) const override { return false; }
    bool admits(const event::Event&) const override { return true; }

  private:
    store::EventStore& store_;
    const std::string user_;
    int& reads_;
    bool due_ = false;
};

class ReplaySourceTest : public ::testing::Test {
  protected:
    awaitable<void> commit(std::string_view user, int count) {
        std::vector<store::Commit> commits(static_cast<std::size_t>(count));
        for (auto& commit : commits) {
            const auto id = fmt::format("e{}", ++made_);
            commit.appends.emplace_back().events.push_back(event::Event::make(
                {.category = &counters, .stream_id = user, .id = id, .subject = user, .json = "{\"n\":1}"}));
        }
        for (const auto& done : co_await store.commit_many(commits)) EXPECT_TRUE(done);
    }
    /// 5,000 foreign events a second until all streams are live, or for ten seconds.
    awaitable<void> write_foreign() {
        for (const auto end = std::chrono::steady_clock::now() + 10s;
             live < streams && std::chrono::steady_clock::now() < end;) {
            co_await commit("foreign", 25);
            co_await aio::pause(5ms);
        }
    }
    awaitable<void> follow(std::string user, std::string cursor) {
        int reads = 0;
        ReplaySource source{core, std::make_unique<SlowCounters>(store, std::move(user), reads), cursor};
        int pages = 1;
        while (!(co_await source.next()).last && live < streams && pages < 100) ++pages;
        ++live;
        most_reads = std::max(most_reads, reads);
        most_pages = std::max(most_pages, pages);
    }

    asio::io_context io;
    aio::Strand core{asio::make_strand(io)};
    store::MemoryStore store{{}};
    int streams = 0;
    int live = 0;
    int most_reads = 0;
    int most_pages = 0;

  private:
    int made_ = 0;
};

TEST_F(ReplaySourceTest, a_thousand_streams_are_live_after_two_slow_reads_each_while_others_write) {
    streams = 1000;
    aio::spawn(core, "test", [&]() -> awaitable<void> {
        for (int i = 0; i < streams; ++i) co_await commit(fmt::format("u{}", i), 2);
        aio::spawn(core, "writer", [this] { return write_foreign(); });
        for (int i = 0; i < streams; ++i) {
            const auto cursor = i % 2 == 0 ? "" : fmt::format("{}.{}", store.epoch(), 2 * i + 1);
            aio::spawn(core, "stream", [this, i, cursor] { return follow(fmt::format("u{}", i), cursor); });
        }
    });
    io.run_for(20s);
    EXPECT_EQ(live, streams);
    EXPECT_LE(most_reads, 3);
    EXPECT_LE(most_pages, 2);
}

}  // namespace
}  // namespace stepcast::flow

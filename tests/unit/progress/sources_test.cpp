#include <gtest/gtest.h>

#include <fmt/format.h>
#include <algorithm>

#include "domain/progress/sources.hpp"
#include "event/cursor.hpp"
#include "unit/progress/service_fixture.hpp"

namespace stepcast::progress {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t page_bytes = 128 * 1024;
constexpr std::size_t frame_bytes = 10 * 1024;

/// A user with tasks whose details are as large as may be, and what a new stream of theirs is told.
class Sources : public test::Service {
  protected:
    Sources() : Service{{.stall_after = 1s}} {}

    void tell(int events, const std::string& task) { feed(commit(events, task, detail)); }

    broadcast::CatchUp next(broadcast::StreamSource& source) {
        auto page = finish(source.next());
        std::size_t bytes = 0;
        for (const auto& told : page.frames) {
            bytes += told->frame().size();
            frames.emplace_back(told->frame());
        }
        EXPECT_LE(bytes, page_bytes + frame_bytes);
        return page;
    }

    /// How many pages it took.
    int read_through(broadcast::StreamSource& source) {
        int pages = 1;
        while (!next(source).last) ++pages;
        return pages;
    }

    /// `recovery 2` for a recovery at the task's second event, `progress 2` for that event.
    std::vector<std::string> told_of(std::string_view task) const {
        std::vector<std::string> found;
        for (const std::string& text : frames) {
            if (text.find(fmt::format("\"taskId\":\"{}\"", task)) == std::string::npos) continue;
            const bool recovery = text.starts_with("event: recovery\n");
            const auto at = text.find("\"version\":");
            found.push_back(recovery ? fmt::format("recovery {}", std::stoi(text.substr(at + 10)))
                                     : "progress");
        }
        return found;
    }

    std::string cursor(event::Position position) const {
        const auto text = event::live_frame(store.epoch(), position);
        return text.substr(4, text.find('\n') - 4);
    }

    ProgressSources sources{service};
    const std::string detail = "{\"text\":\"" + std::string(8000, 'x') + "\"}";
    std::vector<std::string> frames;
};

using Told = std::vector<std::string>;

TEST_F(Sources, more_counts_every_task_that_is_not_told) {
    for (int i = 0; i < 21'000; ++i) feed(commit(1, fmt::format("task-{}", i), "{}"));
    const auto source = sources.of_user("u", "elsewhere.7");
    read_through(*source);
    EXPECT_EQ(frames.at(frames.size() - 2), "event: more\ndata: {\"remaining\":20800}\n\n");
}

TEST_F(Sources, recoveries_come_in_pages_that_are_bounded_and_end_with_live) {
    for (int i = 0; i < 210; ++i) tell(1, fmt::format("task-{}", i));
    const auto source = sources.of_user("u", "");
    EXPECT_GT(read_through(*source), 200 * 8000 / static_cast<int>(page_bytes + frame_bytes));
    ASSERT_EQ(frames.size(), 202u);
    EXPECT_NE(frames.front().find("\"taskId\":\"task-209\""), std::string::npos) << "the newest first";
    EXPECT_EQ(frames[200], "event: more\ndata: {\"remaining\":10}\n\n");
    EXPECT_EQ(frames.back(), event::live_frame(store.epoch(), 210));
    EXPECT_EQ(sources.counts().of_users[static_cast<std::size_t>(RecoveryReason::connect)], 200u);
    EXPECT_EQ(told_of("task-10"), Told{"recovery 1"});
    EXPECT_EQ(told_of("task-9"), Told{});
}

TEST_F(Sources, what_happens_between_two_pages_of_recoveries_is_told_once) {
    for (int i = 0; i < 40; ++i) tell(1, fmt::format("task-{}", i));
    const auto source = sources.of_user("u", "");
    EXPECT_FALSE(next(*source).last);
    ASSERT_EQ(told_of("task-39"), Told{"recovery 1"});
    ASSERT_EQ(told_of("task-0"), Told{});
    tell(1, "task-39");
    tell(2, "task-0");
    tell(1, "new");
    broadcast::CatchUp page;
    while (!(page = next(*source)).last) {
        if (told_of("task-0") == Told{"recovery 3"}) tell(1, "task-0");
    }
    EXPECT_EQ(page.through, service.projection().applied());
    EXPECT_EQ(told_of("task-39"), (Told{"recovery 1", "progress"}));
    EXPECT_EQ(told_of("task-0").front(), "recovery 3");
    EXPECT_EQ(told_of("task-0").size(), 1 + service.projection().find("task-0")->state.version - 3);
    EXPECT_EQ(told_of("new"), Told{"progress"});
    EXPECT_EQ(std::ranges::count(frames, event::live_frame(store.epoch(), 40)), 1);
}

TEST_F(Sources, who_resumed_gets_every_event_also_between_two_pages_of_recoveries) {
    tell(1, "known");
    for (int i = 0; i < 40; ++i) tell(1, fmt::format("task-{}", i));
    const auto source = sources.of_user("u", cursor(1));
    while (told_of("task-39") != (Told{"progress", "recovery 1"})) ASSERT_FALSE(next(*source).last);
    ASSERT_EQ(told_of("task-0"), Told{"progress"});
    tell(1, "task-39");
    tell(2, "task-0");
    tell(1, "new");
    EXPECT_GT(read_through(*source), 1);
    EXPECT_EQ(told_of("task-39"), (Told{"progress", "recovery 1", "progress"}));
    EXPECT_EQ(told_of("task-0"), (Told{"progress", "progress", "progress", "recovery 3"}));
    EXPECT_EQ(told_of("new"), Told{"progress"});
    EXPECT_EQ(frames.back(), event::live_frame(store.epoch(), service.projection().applied()));
}

TEST_F(Sources, what_expires_before_it_is_told_is_a_reset) {
    tell(1, "a");
    const auto source = sources.of_user("u", "");
    EXPECT_TRUE(next(*source).last);
    tell(2, "a");
    hub.take_cleaned(finish(store.cleanup(system_clock().now() + 1000h)).value());
    tell(1, "b");
    frames.clear();
    EXPECT_TRUE(next(*source).last);
    ASSERT_EQ(frames.size(), 3u);
    EXPECT_EQ(frames[0], "event: reset\ndata: {\"reason\":\"expired\"}\n\n");
    EXPECT_EQ(told_of("b"), Told{"recovery 1"});
    EXPECT_EQ(frames[2], event::live_frame(store.epoch(), 4));
}

TEST_F(Sources, a_task_that_stalls_between_two_pages_is_told_again) {
    for (int i = 0; i < 40; ++i) tell(1, fmt::format("task-{}", i));
    const auto source = sources.of_user("u", "");
    EXPECT_FALSE(next(*source).last);
    const auto of_first = [&] {
        std::vector<bool> stalled;
        for (const auto& text : frames)
            if (text.find("\"taskId\":\"task-39\"") != std::string::npos)
                stalled.push_back(text.find("\"stalled\":true") != std::string::npos);
        return stalled;
    };
    ASSERT_EQ(of_first(), std::vector<bool>{false});
    const auto all_stalled = [&] {
        for (int i = 0; i < 40; ++i)
            if (!service.is_stalled(*service.projection().find(fmt::format("task-{}", i)))) return false;
        return true;
    };
    EXPECT_TRUE(pump_until(all_stalled));
    read_through(*source);
    EXPECT_EQ(of_first(), (std::vector<bool>{false, true}));
    const auto told = frames.size();
    EXPECT_TRUE(next(*source).last) << "asked again, because something was announced";
    EXPECT_EQ(frames.size(), told);
    tell(1, "task-39");
    EXPECT_TRUE(next(*source).last);
    EXPECT_EQ(of_first(), (std::vector<bool>{false, true, false, false}));
}

TEST_F(Sources, who_resumes_is_told_which_tasks_stalled_while_they_were_away) {
    service.start();
    tell(1, "a");
    EXPECT_TRUE(pump_until([&] { return service.projection().find("a")->stalled; }));
    for (const auto& source : {sources.of_user("u", cursor(1)), sources.of_task("a", "u", cursor(1))}) {
        frames.clear();
        EXPECT_TRUE(next(*source).last);
        ASSERT_EQ(frames.size(), 2u);
        EXPECT_EQ(frames[1], event::live_frame(store.epoch(), 1));
        EXPECT_EQ(told_of("a"), Told{"recovery 1"});
        EXPECT_NE(frames[0].find("\"stalled\":true"), std::string::npos);
        EXPECT_TRUE(next(*source).last) << "asked again";
        EXPECT_EQ(frames.size(), 2u);
    }
    frames.clear();
    const auto source = sources.of_user("u", cursor(1));
    EXPECT_TRUE(next(*source).last);
    tell(1, "a");
    EXPECT_EQ(service.projection().find_user("u")->stalled, 0u);
    EXPECT_TRUE(next(*source).last) << "what came meanwhile";
    EXPECT_EQ(told_of("a"), (Told{"recovery 1", "progress", "recovery 2"}));
}

TEST_F(Sources, a_task_that_expires_between_two_pages_is_left_out) {
    for (int i = 0; i < 40; ++i) tell(1, fmt::format("task-{}", i));
    const auto source = sources.of_user("u", "");
    EXPECT_FALSE(next(*source).last);
    store::EventStore::Expired expired;
    expired.streams.push_back({&category, "task-0", "u", 1});
    hub.take_cleaned(expired);
    read_through(*source);
    EXPECT_EQ(told_of("task-0"), Told{});
    EXPECT_EQ(frames.size(), 40u);
}

TEST_F(Sources, a_replay_is_bounded_in_bytes_and_followed_by_one_recovery) {
    tell(1, "a");
    tell(100, "b");
    const auto source = sources.of_user("u", cursor(1));
    EXPECT_GT(read_through(*source), 100 * 8000 / static_cast<int>(page_bytes + frame_bytes));
    Told expected(100, "progress");
    expected.push_back("recovery 100");
    EXPECT_EQ(told_of("b"), expected);
    EXPECT_EQ(told_of("a"), Told{});
    EXPECT_EQ(frames.back(), event::live_frame(store.epoch(), 101));
}

TEST_F(Sources, a_foreign_cursor_is_reset_once_however_many_pages_follow) {
    for (int i = 0; i < 40; ++i) tell(1, fmt::format("task-{}", i));
    const auto source = sources.of_user("u", "other.7");
    EXPECT_GT(read_through(*source), 2);
    EXPECT_EQ(frames.front(), "event: reset\ndata: {\"reason\":\"epoch\"}\n\n");
    EXPECT_EQ(frames.size(), 42u);
}

}  // namespace
}  // namespace stepcast::progress

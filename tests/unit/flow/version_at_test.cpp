#include "flow/version_at.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "store/memory/memory_store.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 1> happening_types{"HAPPENED"};
constexpr event::Category happenings{"happening", "happening", happening_types, false};

class VersionAt : public testing::StrandTest {};

TEST_F(VersionAt, is_the_last_event_that_is_not_later_also_of_several_at_one_moment) {
    run([&]() -> aio::awaitable<void> {
        store::MemoryStore store{{}};
        const Timestamp zero{};
        store::Commit commit;
        auto& append = commit.appends.emplace_back();
        for (const int second : {1, 2, 2, 2, 5})
            append.events.push_back(event::Event::make({.category = &happenings,
                                                        .stream_id = "a",
                                                        .id = fmt::format("e{}", append.events.size()),
                                                        .subject = {},
                                                        .json = fmt::format("{{\"second\":{}}}", second)}));
        EXPECT_TRUE((co_await store.commit_many({&commit, 1})).front());
        const auto time_of = [&](const event::Event& event) -> result<Timestamp> {
            return zero + std::chrono::seconds{event.body()[9] - '0'};
        };
        const auto at = [&](std::string id, Duration after) {
            return version_at(store, happenings, std::move(id), zero + after, time_of);
        };
        for (const auto& [after, version] : {std::pair<Duration, event::Version>{999ms, 0},
                                             {1s, 1},
                                             {1999ms, 1},
                                             {2s, 4},
                                             {4s, 4},
                                             {5s, 5},
                                             {9h, 5}})
            EXPECT_EQ((co_await at("a", after)).value(), version) << after.count();
        EXPECT_EQ((co_await at("b", 9h)).value(), std::nullopt);
        co_await store.close();
    });
}

}  // namespace
}  // namespace stepcast::flow

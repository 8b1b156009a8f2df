#include "flow/commands.hpp"

#include <fmt/format.h>
#include <array>
#include <deque>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "base/text.hpp"
#include "event/json_reader.hpp"
#include "store/forwarding_store.hpp"
#include "store/memory/memory_store.hpp"
#include "unit/flow/nobody.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

constexpr std::array<std::string_view, 2> purse_types{"PAID_IN", "PAID_OUT"};
constexpr event::Category purse{"purse", "purse", purse_types, false};
const event::Upcasters no_upcasters;

class Purse final : public Aggregate {
  public:
    void evolve(const event::Event& event, std::string_view) override {
        content += event.type_index() == 0 ? 1 : -1;
    }
    std::string save() const override { return std::to_string(content); }
    bool restore(std::string_view saved) override {
        const auto number = parse_number<int>(saved);
        content = number.value_or(0);
        return number.has_value();
    }
    int content = 0;
};

event::Draft draft(std::string_view stream, std::string_view id, std::uint8_t type) {
    return event::Event::make({.category = &purse,
                               .type = type,
                               .fingerprint = type,
                               .stream_id = stream,
                               .id = id,
                               .subject = "",
                               .json = R"({"n":1})"});
}

/// Refuses the first groups as the script says, and lets another writer be first. Takes its time, as a
/// journal does, or none.
class BusyStore final : public store::test::ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;

    awaitable<std::vector<store::CommitResult>> commit_many(std::span<store::Commit> commits) override {
        groups.push_back(commits.size());
        if (takes_time) co_await aio::pause(1ms);
        if (others > 0) {
            --others;
            std::vector<store::Commit> other(1);
            other[0].appends.emplace_back().events.push_back(draft("p", fmt::format("other{}", others), 0));
            EXPECT_TRUE((co_await behind->commit_many(other))[0]);
        }
        if (outages > 0) {
            --outages;
            co_return std::vector<store::CommitResult>(
                commits.size(), tl::unexpected{store::Refusal{.code = store::errc::unavailable}});
        }
        auto outcomes = co_await behind->commit_many(commits);
        if (lost_answers > 0) {
            --lost_answers;
            outcomes.assign(commits.size(), tl::unexpected{store::Refusal{.code = store::errc::unavailable}});
        }
        co_return outcomes;
    }

    awaitable<result<store::Page>> read_stream(const event::Category& category, std::string_view id,
                                               store::Range range) override {
        auto page = co_await behind->read_stream(category, id, range);
        if (page) read += page->events.size();
        co_return page;
    }

    std::vector<std::size_t> groups;
    std::uint64_t read = 0;  ///< events
    int outages = 0;
    int lost_answers = 0;  ///< groups that are written, and said not to be
    int others = 0;
    bool takes_time = true;
};

class CommandsTest : public stepcast::testing::StrandTest {
  protected:
    static Command pay(std::string stream, std::string id, std::uint8_t type) {
        return {stream, id, type, [=](const Aggregate& state, event::Version) -> result<Decision> {
                    if (type == 1 && static_cast<const Purse&>(state).content == 0)
                        return fail(std::make_error_code(std::errc::operation_not_permitted), {}, "empty");
                    return Decision{{draft(stream, id, type)}};
                }};
    }
    static Command pay_in(std::string id) { return pay("p", std::move(id), 0); }
    static Command pay_out(std::string id) { return pay("p", std::move(id), 1); }

    /// Has no id: each decision leads to another event.
    Command pay_anew(std::uint8_t type) {
        Command command = pay_in("");
        command.decide = [this, type](const Aggregate& state, event::Version) -> result<Decision> {
            if (type == 1 && static_cast<const Purse&>(state).content == 0)
                return fail(std::make_error_code(std::errc::operation_not_permitted), {}, "empty");
            return Decision{{draft("p", fmt::format("new{}", ++made), type)}};
        };
        return command;
    }
    int made = 0;

    /// Carries all out at once; their outcomes in order.
    awaitable<std::vector<result<store::Receipt>>> all(std::vector<Command> wanted) {
        std::vector<result<store::Receipt>> outcomes(wanted.size(), store::Receipt{});
        aio::Gate gate{core};
        for (std::size_t i = 0; i < wanted.size(); ++i)
            aio::spawn(core, "caller", [&, i, hold = gate.enter()]() -> awaitable<void> {
                outcomes[i] = co_await commands.handle(std::move(wanted[i]));
            });
        co_await gate.close();
        co_return outcomes;
    }
    awaitable<int> content(event::Version through = UINT64_MAX) {
        auto loaded = co_await commands.reader().load("p", through);
        EXPECT_TRUE(loaded);
        co_return static_cast<const Purse&>(*loaded->state).content;
    }
    AggregateKind kind{&purse, &no_upcasters, 3, 10, [] { return std::make_unique<Purse>(); }};

    store::MemoryStore memory{{}};
    BusyStore store{memory};
    Nobody nobody;
    FeedHub hub{core, store, nobody, system_clock(), 1h};
    Committer committer{core, store, hub};
    Commands commands{core, store, committer, kind, {.max_waiting = 1'000, .max_idle = 2, .max_tries = 4}};
};

TEST_F(CommandsTest, each_is_decided_on_what_the_ones_before_it_lead_to) {
    run([&]() -> awaitable<void> {
        std::vector<Command> wanted;
        for (int i = 0; i < 50; ++i) wanted.push_back(pay_in(fmt::format("in{}", i)));
        for (int i = 0; i < 100; ++i) wanted.push_back(pay_out(fmt::format("out{}", i)));
        const auto outcomes = co_await all(std::move(wanted));
        for (std::size_t i = 0; i < outcomes.size(); ++i) EXPECT_EQ(outcomes[i].has_value(), i < 100) << i;
        EXPECT_EQ(outcomes[99]->version, 100u);
        EXPECT_EQ(outcomes[100].error().detail, "empty");
        EXPECT_EQ(co_await content(), 0);
        EXPECT_LE(store.groups.size(), 4u) << "what waits for its turn is one group";
    });
}

TEST_F(CommandsTest, a_store_that_answers_at_once_is_no_different) {
    store.takes_time = false;
    run([&]() -> awaitable<void> {
        std::vector<Command> wanted;
        for (int i = 0; i < 30; ++i) wanted.push_back(pay_in(fmt::format("in{}", i)));
        for (int i = 0; i < 31; ++i) wanted.push_back(pay_out(fmt::format("out{}", i)));
        const auto outcomes = co_await all(std::move(wanted));
        EXPECT_EQ(outcomes[59]->version, 60u);
        EXPECT_FALSE(outcomes[60]);
        store.outages = 2;
        EXPECT_EQ((co_await all({pay_in("a"), pay_out("b")}))[1]->version, 62u);
        EXPECT_EQ(co_await content(), 0);
    });
}

TEST_F(CommandsTest, the_same_command_acts_once_however_often_it_comes) {
    run([&]() -> awaitable<void> {
        co_await all({pay_in("a")});
        const auto equal = co_await all(std::vector<Command>(50, pay_out("b")));
        for (const auto& outcome : equal) EXPECT_EQ(outcome->version, 2u);
        const auto later = co_await all({pay_out("b"), pay("p", "b", 0)});
        EXPECT_TRUE(later[0]->deduplicated) << "although the purse is empty by now";
        EXPECT_EQ(later[1].error().code, store::errc::idempotency_conflict);
        EXPECT_EQ(co_await content(), 0);
    });
}

TEST_F(CommandsTest, another_writers_event_is_met_by_another_decision) {
    run([&]() -> awaitable<void> {
        co_await all({pay_in("a"), pay_out("b")});
        EXPECT_FALSE((co_await all({pay_out("c")}))[0]);
        std::vector<store::Commit> other(1);
        other[0].appends.emplace_back().events.push_back(draft("p", "other", 0));
        EXPECT_TRUE((co_await memory.commit_many(other))[0]);
        EXPECT_TRUE((co_await all({pay_out("c")}))[0]) << "the state in memory was of before it";
        store.others = 2;
        const auto outcomes = co_await all({pay_in("d"), pay_in("e")});
        EXPECT_EQ(outcomes[0]->version, 7u) << "behind both";
        EXPECT_EQ(outcomes[1]->version, 8u);
        EXPECT_EQ(co_await content(), 4);
    });
}

TEST_F(CommandsTest, writers_that_are_always_first_end_it) {
    run([&]() -> awaitable<void> {
        store.others = 100;
        EXPECT_EQ((co_await all({pay_in("a")}))[0].error().code, store::errc::wrong_expected_version);
        EXPECT_EQ(store.others, 96);
    });
}

TEST_F(CommandsTest, what_comes_in_one_turn_is_one_group_of_whichever_streams) {
    run([&]() -> awaitable<void> {
        const auto of_hundred = [](std::string_view what) {
            std::vector<Command> wanted;
            for (int i = 0; i < 100; ++i)
                wanted.push_back(pay(fmt::format("p{}", i), fmt::format("{}{}", what, i), 0));
            return wanted;
        };
        co_await all(of_hundred("first"));  // now all are in memory
        store.groups.clear();
        const auto outcomes = co_await all(of_hundred("second"));
        EXPECT_EQ(store.groups, (std::vector<std::size_t>{64, 36}));
        EXPECT_TRUE(std::ranges::all_of(outcomes, [](const auto& one) { return one && one->version == 2; }));
    });
}

TEST_F(CommandsTest, a_refusal_in_a_group_is_of_its_stream_alone) {
    run([&]() -> awaitable<void> {
        co_await all({pay_in("in")});
        const auto outcomes =
            co_await all({pay("other", "out1", 1), pay_out("out2"), pay("third", "in2", 0)});
        EXPECT_EQ(outcomes[0].error().detail, "empty");
        EXPECT_EQ(outcomes[1]->version, 2u);
        EXPECT_EQ(outcomes[2]->version, 1u);
    });
}

TEST_F(CommandsTest, an_outage_is_waited_for) {
    run([&]() -> awaitable<void> {
        store.outages = 2;
        const auto outcomes = co_await all({pay_in("a"), pay_out("b")});
        EXPECT_EQ(outcomes[1]->version, 2u);
        EXPECT_EQ(store.groups, (std::vector<std::size_t>{2, 2, 2}));
    });
}

TEST_F(CommandsTest, what_was_written_before_its_answer_was_lost_is_not_decided_again) {
    run([&]() -> awaitable<void> {
        store.lost_answers = 1;
        const auto outcomes = co_await all({pay_anew(0), pay_anew(0), pay_anew(1), pay_anew(0)});
        for (std::size_t i = 0; i < outcomes.size(); ++i) EXPECT_EQ(outcomes[i]->version, i + 1);
        EXPECT_EQ(made, 4);
        EXPECT_EQ(co_await content(), 2);
        store.lost_answers = 2;
        const auto refused = co_await all({pay_anew(1), pay_anew(1), pay_anew(1), pay_anew(0)});
        EXPECT_EQ(refused[2].error().detail, "empty");
        EXPECT_EQ(co_await content(), 1);
    });
}

TEST_F(CommandsTest, one_that_was_taken_before_takes_none_behind_it_along) {
    run([&]() -> awaitable<void> {
        const auto marked = [&] {
            Command command = pay_anew(0);
            command.decide = [decide = command.decide](const Aggregate& state, event::Version version) {
                auto decision = decide(state, version);
                decision->beside.inbox = store::InboxMark{"c", "m", Timestamp::max()};
                return decision;
            };
            return command;
        };
        EXPECT_TRUE((co_await all({marked()}))[0]);
        const auto outcomes = co_await all({marked(), pay_anew(0), pay_anew(0)});
        EXPECT_TRUE(outcomes[0]->deduplicated);
        EXPECT_EQ(outcomes[1]->version, 2u);
        EXPECT_EQ(outcomes[2]->version, 3u);
        EXPECT_EQ(co_await content(), 3);
        store.lost_answers = 1;
        const auto again = co_await all({pay_anew(0), marked(), pay_anew(0)});
        EXPECT_EQ(again[0]->version, 4u);
        EXPECT_EQ(again[2]->version, 5u);
        EXPECT_EQ(co_await content(), 5);
    });
}

TEST_F(CommandsTest, a_store_that_is_full_of_what_never_expires_refuses_instead_of_waiting_for_ever) {
    run([&]() -> awaitable<void> {
        store::MemoryStore small{{.permanent_max_bytes = 2'000}};
        store.behind = &small;
        std::vector<Command> wanted;
        for (int i = 0; i < 40; ++i) wanted.push_back(pay_in(fmt::format("in{}", i)));
        const auto outcomes = co_await all(std::move(wanted));
        EXPECT_TRUE(outcomes.front());
        EXPECT_EQ(outcomes.back().error().code, store::errc::full);
        EXPECT_EQ(committer.paused(), Committer::Pause::none) << "others are not held up";
        const auto there = std::ranges::count_if(outcomes, [](const auto& one) { return one.has_value(); });
        EXPECT_EQ((co_await small.stream_info(purse, "p"))->version, static_cast<std::uint64_t>(there));
    });
}

TEST_F(CommandsTest, a_long_stream_is_folded_in_turns) {
    run([&]() -> awaitable<void> {
        std::vector<Command> wanted;
        for (int i = 0; i < 900; ++i) wanted.push_back(pay_in(fmt::format("in{}", i)));
        co_await all(std::move(wanted));
        int turns = 0;
        bool loaded = false;
        bool ended = false;
        aio::spawn(core, "others", [&]() -> awaitable<void> {
            for (; !loaded && turns < 1'000; ++turns) co_await aio::next_turn();
            ended = true;
        });
        EXPECT_EQ(co_await content(899), 899);
        EXPECT_GT(turns, 0);
        loaded = true;
        while (!ended) co_await aio::next_turn();
    });
}

TEST_F(CommandsTest, snapshots_change_no_answer) {
    run([&]() -> awaitable<void> {
        std::vector<Command> wanted;
        for (int i = 0; i < 25; ++i) wanted.push_back(pay_in(fmt::format("in{}", i)));
        co_await all(std::move(wanted));
        const auto saved = (co_await store.load_snapshot(purse, "p", UINT64_MAX)).value();
        EXPECT_EQ(saved->schema, 3u);
        EXPECT_GE(saved->version, 20u) << "one within the commit that passes each tenth event";
        EXPECT_EQ(commands.snapshots().saved, 2u);
        EXPECT_EQ(commands.snapshots().failed, 0u);
        const std::string whole = saved->state;
        const std::array<store::Snapshot, 4> worse{{{saved->version, 3, "7" + whole.substr(1)},
                                                    {saved->version, 3, "no"},
                                                    {saved->version, 2, whole},
                                                    {saved->version - 1, 3, whole}}};
        for (const auto& snapshot : worse) {
            EXPECT_EQ(co_await content(), 25);
            EXPECT_EQ(co_await content(7), 7);
            EXPECT_EQ(co_await content(0), 0);
            EXPECT_TRUE(co_await store.save_snapshot(purse, "p", snapshot, false));
        }
        EXPECT_EQ(co_await content(), 25);
        EXPECT_GE(commands.reader().passed_over(), 2u);
    });
}

TEST_F(CommandsTest, a_past_state_begins_at_a_snapshot_that_stays) {
    run([&]() -> awaitable<void> {
        std::vector<store::Commit> commits;
        for (event::Version version = 1; version <= 4'500; ++version) {
            auto& commit = commits.emplace_back();
            commit.appends.emplace_back().events.push_back(draft("p", fmt::format("in{}", version), 0));
            if (version % 500 != 0) continue;
            Loaded now{std::make_unique<Purse>(), version};
            static_cast<Purse&>(*now.state).content = static_cast<int>(version);
            commit.snapshots.push_back(commands.reader().save("p", now));
            if (version == 3'000) commit.snapshots.back().snapshot.state = "damaged";
        }
        for (const auto& one : co_await memory.commit_many(commits)) EXPECT_TRUE(one);
        const auto read_for = [&](event::Version version) -> awaitable<std::uint64_t> {
            store.read = 0;
            EXPECT_EQ(co_await content(version), static_cast<int>(version));
            co_return store.read;
        };
        EXPECT_EQ(co_await read_for(900), 900u);
        EXPECT_EQ(co_await read_for(1'000), 0u);
        EXPECT_EQ(co_await read_for(2'900), 900u);
        EXPECT_EQ(co_await read_for(3'400), 1'400u) << "from the one before the damaged one on";
        EXPECT_EQ(co_await read_for(4'400), 400u);
        EXPECT_EQ(co_await read_for(4'500), 0u);
        EXPECT_EQ(commands.reader().passed_over(), 1u);
    });
}

TEST_F(CommandsTest, no_more_states_are_kept_than_may_be) {
    run([&]() -> awaitable<void> {
        for (int round = 0; round < 3; ++round)
            for (const auto* stream : {"p", "q", "r", "s"})
                EXPECT_TRUE((co_await all({pay(stream, fmt::format("{}{}", stream, round), 0)}))[0]);
        EXPECT_EQ(co_await content(), 3);
    });
}

TEST_F(CommandsTest, too_many_at_once_are_refused_and_a_stop_waits_for_the_rest) {
    run([&]() -> awaitable<void> {
        std::vector<Command> wanted;
        for (int i = 0; i < 2'000; ++i) wanted.push_back(pay_in(fmt::format("in{}", i)));
        const auto outcomes = co_await all(std::move(wanted));
        EXPECT_TRUE(outcomes.front());
        EXPECT_EQ(outcomes.back().error().code, store::errc::unavailable);
        co_await commands.stop();
        EXPECT_EQ((co_await commands.handle(pay_in("late"))).error().detail, "the server is stopping");
    });
}

}  // namespace
}  // namespace stepcast::flow

#include "unit/flow/replay_world.hpp"

namespace stepcast::flow {
namespace {

using test::World;

using Texts = std::vector<std::string>;

TEST(Replay, who_comes_without_a_cursor_is_told_states_and_no_events) {
    World world;
    world.put("a");
    world.put("b");
    world.put("a");
    const auto page = world.page();
    EXPECT_TRUE(page.last);
    EXPECT_FALSE(page.end);
    EXPECT_EQ(page.through, 3u);
    EXPECT_EQ(world.actions, (Texts{"begin connect 0", "recover", "recover", "recover", "turn"}));
    EXPECT_EQ(world.told, (Texts{"recovery a=2", "recovery b=1", "live"}));
    EXPECT_TRUE(world.page().last) << "asked again";
    EXPECT_EQ(world.told.size(), 3u);
}

TEST(Replay, a_cursor_that_holds_gets_every_event_behind_it_and_then_the_states_concerned) {
    World world{"e0.2"};
    for (const auto* stream : {"a", "b", "a", "c"}) world.put(stream);
    EXPECT_TRUE(world.page().last);
    EXPECT_EQ(world.actions, (Texts{"read 3-4", "begin resume 2", "recover", "recover", "recover", "turn"}));
    EXPECT_EQ(world.told, (Texts{"a 2", "c 1", "recovery a=2", "recovery c=1", "live"}));
}

TEST(Replay, a_foreign_or_garbled_cursor_is_reset) {
    for (const auto* cursor : {"other.2", "garbled", "e0.x"}) {
        World world{cursor};
        world.put("a");
        EXPECT_TRUE(world.page().last);
        EXPECT_EQ(world.told, (Texts{"reset epoch", "recovery a=1", "live"})) << cursor;
    }
}

TEST(Replay, what_expired_behind_the_cursor_is_a_reset) {
    World world{"e0.1"};
    for (int i = 0; i < 3; ++i) world.put("a");
    world.lost_through = 2;
    EXPECT_TRUE(world.page().last);
    EXPECT_EQ(world.told, (Texts{"reset expired", "recovery a=3", "live"}));
}

TEST(Replay, it_is_live_although_the_applied_position_never_stands_still) {
    for (const auto* cursor : {"", "e0.1", "other.1"}) {
        World world{cursor};
        world.put("a");
        world.put("b");
        world.known["a"] = 1;
        world.meanwhile = [&] { world.put_foreign(25); };
        EXPECT_EQ(world.pages(), 1) << cursor;
        world.meanwhile = {};
        EXPECT_EQ(world.known, world.versions());
    }
}

TEST(Replay, a_page_is_not_the_last_before_the_events_up_to_its_recoveries_are_told) {
    World world;
    world.put("a");
    bool moved = false;
    world.meanwhile = [&] {
        if (!std::exchange(moved, true)) world.put("a");
    };
    EXPECT_FALSE(world.page().last) << "the recovery holds version 2, the page reaches version 1";
    EXPECT_EQ(world.told, (Texts{"recovery a=2", "live"}));
    const auto page = world.page();
    EXPECT_TRUE(page.last);
    EXPECT_EQ(page.through, 2u);
    EXPECT_EQ(world.told.size(), 2u) << "its event is not told besides";
}

TEST(Replay, who_resumed_gets_every_event_also_those_that_a_recovery_holds_already) {
    World world{"e0.1"};
    world.put("a");
    world.put("a");
    world.meanwhile = [&] {
        if (world.actions.size() == 2) world.put("a");
    };
    EXPECT_EQ(world.pages(), 2);
    EXPECT_EQ(world.told, (Texts{"a 2", "recovery a=3", "live", "a 3"}));
}

TEST(Replay, a_state_that_turned_is_told_again_and_its_events_besides) {
    World world;
    world.put("a");
    EXPECT_TRUE(world.page().last);
    world.stall("a");
    world.meanwhile = [&] {
        if (world.actions.back() == "turn") world.put("a"), world.meanwhile = {};
    };
    world.page();
    EXPECT_EQ(world.pages(), 1);
    EXPECT_EQ(world.told, (Texts{"recovery a=1", "live", "recovery a=2", "a 2"}));
}

TEST(Replay, a_cursor_above_what_is_applied_waits_until_the_node_has_it) {
    World world{"e0.3"};
    for (int i = 0; i < 4; ++i) world.put("a");
    world.applied = 2;
    EXPECT_TRUE(world.page().wait);
    EXPECT_TRUE(world.page().wait);
    world.applied = 4;
    EXPECT_TRUE(world.page().last);
    EXPECT_EQ(world.actions.front(), "head");
    EXPECT_EQ(world.told, (Texts{"a 4", "recovery a=4", "live"}));
}

TEST(Replay, a_cursor_above_the_stores_head_is_foreign) {
    World world{"e0.9"};
    world.put("a");
    world.put_foreign(9);
    world.applied = 1;
    EXPECT_TRUE(world.page().wait);
    world.head_below = 8;
    EXPECT_TRUE(world.page().last);
    EXPECT_EQ(world.told, (Texts{"reset epoch", "recovery a=1", "live"}));
}

TEST(Replay, a_new_epoch_in_the_middle_begins_anew_with_a_reset) {
    World world{"e0.1"};
    world.put("a");
    world.put("a");
    world.meanwhile = [&] {
        world.epoch = "e1";
        world.meanwhile = {};
    };
    const auto page = world.page();
    EXPECT_FALSE(page.last || page.wait || page.end);
    EXPECT_TRUE(page.frames.empty());
    world.pages();
    EXPECT_EQ(world.told, (Texts{"reset epoch", "recovery a=2", "live"}));
}

TEST(Replay, a_subscriber_to_whom_nothing_may_be_told_is_ended_with_nothing) {
    World world{"e0.1"};
    world.put("a");
    world.put("a");
    world.meanwhile = [&] { world.forbidden = true; };
    const auto page = world.page();
    EXPECT_TRUE(page.last && page.end && page.frames.empty());
    EXPECT_TRUE(world.page().end);
}

TEST(Replay, a_stream_is_over_only_once_its_last_event_is_told) {
    World world;
    world.put("a");
    world.meanwhile = [&] {
        if (world.actions.back() == "turn") world.ended = world.put("a"), world.meanwhile = {};
    };
    auto page = world.page();
    EXPECT_TRUE(page.last);
    EXPECT_FALSE(page.end) << "it ended behind what this page tells";
    page = world.page();
    EXPECT_TRUE(page.last && page.end);
    EXPECT_EQ(world.told, (Texts{"recovery a=1", "live", "a 2"}));
}

TEST(Replay, pages_are_bounded_in_events_and_in_bytes) {
    World world{"e0.1"};
    world.put("a");
    for (std::size_t i = 0; i < 2 * Replay::page_events; ++i) world.put("a");
    EXPECT_EQ(world.page().frames.size(), Replay::page_events);
    world.padding = 50'000;
    for (int i = 0; i < 7; ++i) world.put("b");
    for (bool last = false; !last;) {
        std::size_t bytes = 0;
        const auto page = world.page();
        for (const auto& frame : page.frames) bytes += frame->frame().size();
        EXPECT_LT(bytes, Replay::page_bytes + 51'000);
        last = page.last;
    }
    EXPECT_EQ(std::ranges::count_if(world.told, [](const auto& text) { return text.starts_with("b "); }), 7)
        << "what did not fit comes with the next page";
    EXPECT_EQ(world.known, world.versions());
}

// Every script with an error at every step: it ends all the same, with the same knowledge, no event twice or
// left out, and waits only where nothing was gathered.
TEST(Replay, an_error_at_any_step_loses_and_repeats_nothing) {
    for (const auto* cursor : {"", "e0.2", "other.1", "e0.1"})
        for (const bool moving : {false, true}) {
            Texts whole;
            const auto run = [&](int fail_at) {
                World world{cursor};
                for (const auto* stream : {"a", "b", "a", "c", "b"}) world.put(stream);
                if (std::string_view{cursor} == "e0.1") world.lost_through = 3;
                world.stall("a");
                world.fail_at = fail_at;
                if (moving)
                    world.meanwhile = [&] {
                        if (world.steps % 3 == 0 && world.head() < 12) world.put("c");
                    };
                world.pages();
                while (world.page().through < world.head()) {
                }
                EXPECT_EQ(world.known, world.versions()) << cursor << " fails at " << fail_at;
                if (std::string_view{cursor} == "e0.2") {
                    Texts events;
                    for (const auto& text : world.told)
                        if (text.starts_with("c ")) events.push_back(text);
                    EXPECT_EQ(events.size(), world.versions().at("c")) << "fails at " << fail_at;
                }
                if (!moving && fail_at == 0) whole = world.told;
                if (!moving) {
                    EXPECT_EQ(world.told, whole) << cursor << " fails at " << fail_at;
                }
                return world.steps;
            };
            const int steps = run(0);
            EXPECT_GT(steps, 5);
            for (int fail_at = 1; fail_at <= steps; ++fail_at) run(fail_at);
        }
}

// Whatever happens while it is told, wherever it is cut off and comes back by its cursor: at the end the
// client knows what stands in the store, ids only rose, and no event came twice or was left out behind a
// cursor.
RC_GTEST_PROP(Replay, a_client_that_is_cut_off_anywhere_knows_everything_in_the_end, ()) {
    const auto happenings = *rc::gen::container<std::vector<int>>(60, rc::gen::inRange(0, 40));
    World world;
    for (const auto* stream : {"a", "b", "c"}) world.put(stream);
    std::set<std::string> gone;  // versions of a stream that lives again begin anew
    std::size_t next = 0;
    world.meanwhile = [&] {
        if (next == happenings.size()) return;
        const int what = happenings[next++];
        const std::string stream(1, static_cast<char>('a' + what % 4));
        world.padding = what % 8 == 7 ? 60'000 : 0;
        if (what < 8 && !gone.contains(stream)) world.put(stream);
        if (what >= 8 && what < 12) world.put_foreign(what);
        if (what >= 12 && what < 16) world.stall("a");
        if (what >= 16 && what < 19) world.fail_at = world.steps;
        if (what == 19 && world.expire(stream)) gone.insert(stream);
    };
    bool last = false;
    for (int round = 0; !last || next < happenings.size(); ++round) {
        RC_ASSERT(round < 1000);
        const int cut = next < happenings.size() ? happenings[next++] : 39;
        const auto page = world.page(cut < 6 ? static_cast<std::size_t>(cut) : SIZE_MAX);
        last = page.last && cut >= 6;
        if (cut < 6) world.connect(world.cursor);
    }
    while (world.page().through < world.newest()) {
    }
    RC_ASSERT(world.gaps == Texts{});
    for (const auto& [stream, version] : world.versions()) {
        RC_ASSERT(world.known.contains(stream));
        RC_ASSERT(world.known[stream] == version);
    }
}

}  // namespace
}  // namespace stepcast::flow

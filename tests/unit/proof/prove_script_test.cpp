#include "proof/prove/script.hpp"

#include <gtest/gtest.h>

namespace stepcast::proof {
namespace {

const ScriptOptions ordinary{.seed = 7,
                             .seconds = 120,
                             .subscribers = 200,
                             .kills = 20,
                             .terms = 2,
                             .fills = 1,
                             .freezes = 1,
                             .stalls = 2,
                             .may_stall = 4};

TEST(ProveScript, one_seed_is_one_script_on_every_machine) {
    const auto script = make_script(ordinary);
    ASSERT_TRUE(script);
    EXPECT_EQ(script->text(), make_script(ordinary)->text());
    EXPECT_EQ(script->hash(), make_script(ordinary)->hash());
    EXPECT_EQ(
        make_script({.seed = 7, .seconds = 5, .subscribers = 8, .kills = 1, .terms = 0, .stalls = 0})->text(),
        "2.015 kill\n2.050 cut: 6\n2.146 cut: 5\n2.228 cut: 1\n2.318 cut: 1\n2.440 cut: 6\n2.565 cut: 7\n"
        "2.654 cut: 0\n2.765 cut: 5\n2.861 cut: 3\n2.954 cut: 1\n3.092 cut: 4\n3.135 cut: 1\n3.208 cut: 7\n"
        "3.368 cut: 7\n3.466 cut: 3\n");
}

TEST(ProveScript, another_seed_is_another_script) {
    auto other = ordinary;
    ++other.seed;
    EXPECT_NE(make_script(other)->hash(), make_script(ordinary)->hash());
}

TEST(ProveScript, holds_every_fault_as_often_as_asked) {
    const auto script = make_script(ordinary);
    EXPECT_EQ(script->count(Fault::kill), 20u);
    EXPECT_EQ(script->count(Fault::term), 2u);
    EXPECT_EQ(script->count(Fault::fill), 1u);
    EXPECT_EQ(script->count(Fault::freeze), 1u);
    EXPECT_EQ(script->count(Fault::stall), 2u);
    EXPECT_GT(script->count(Fault::cut), 1000u);
}

TEST(ProveScript, great_faults_do_not_overlap_and_steps_stand_in_order) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        auto options = ordinary;
        options.seed = seed;
        const auto script = make_script(options);
        std::uint32_t last = 0;
        std::uint32_t busy_until = 0;
        for (const auto& step : script->steps) {
            EXPECT_GE(step.at_ms, last);
            last = step.at_ms;
            if (step.fault == Fault::cut) continue;
            EXPECT_GE(step.at_ms, busy_until) << seed << " " << name_of(step.fault);
            busy_until = step.at_ms + std::max(step.for_ms, 1u);
        }
        EXPECT_LT(last, options.seconds * 1000);
    }
}

TEST(ProveScript, only_those_stall_that_may) {
    const auto script = make_script(ordinary);
    for (const auto& step : script->steps) {
        for (const auto who : step.who) EXPECT_LT(who, step.fault == Fault::stall ? 4u : 200u);
    }
}

TEST(ProveScript, too_many_faults_for_the_time_are_refused_with_what_they_need) {
    auto options = ordinary;
    options.seconds = 20;
    const auto script = make_script(options);
    ASSERT_FALSE(script);
    EXPECT_EQ(script.error().field, "seconds");
    EXPECT_EQ(script.error().detail, "26 faults need at least 39 seconds");
    options.seconds = 39;
    EXPECT_TRUE(make_script(options));
    options.seconds = comfortable_seconds(options);
    EXPECT_TRUE(make_script(options));
}

}  // namespace
}  // namespace stepcast::proof

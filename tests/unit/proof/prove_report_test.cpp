#include "proof/prove/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stepcast::proof {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A run that did all it should.
ProveResult good() {
    ProveResult result;
    result.target = "stepcast";
    result.subscribers = 10;
    result.published = result.acknowledged = 100;
    result.delivered = 400;
    result.kills = result.kills_planned = 2;
    result.terms = result.terms_planned = 1;
    return result;
}

TEST(ProveReport, a_good_run_is_clean) {
    EXPECT_TRUE(reasons_against(good()).empty());
    EXPECT_THAT(table(good()), HasSubstr("CLEAN"));
    EXPECT_TRUE(figures(good()).at("clean").as_bool());
}

TEST(ProveReport, thinned_events_and_announced_resets_are_reported_but_are_no_fault) {
    auto result = good();
    result.streams.thinned = 3;
    result.streams.announced = 4;
    result.resets = 2;
    EXPECT_TRUE(reasons_against(result).empty());
    EXPECT_EQ(figures(result).at("thinned").to_number<int>(), 3);
    EXPECT_EQ(figures(result).at("announced_resets").to_number<int>(), 2);
}

TEST(ProveReport, every_fault_is_a_reason_of_its_own) {
    const auto spoilt = [](auto spoil) {
        auto result = good();
        spoil(result);
        EXPECT_FALSE(figures(result).at("clean").as_bool());
        EXPECT_THAT(table(result), HasSubstr("NOT CLEAN"));
        return reasons_against(result);
    };
    using R = ProveResult;
    const auto one = testing::SizeIs(1);
    EXPECT_THAT(spoilt([](R& r) { r.streams.lost = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.streams.twice = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.streams.silent_gaps = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.streams.out_of_order = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.streams.corrupted = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.store.lost = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.refused = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.given_up = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.streams_refused = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.streams_ended = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.streams_left = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.kills = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.terms = 0; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.crashes = 1; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.interrupted = true; }), one);
    EXPECT_THAT(spoilt([](R& r) { r.failures.emplace_back("why"); }), ElementsAre("why"));
}

TEST(ProveReport, a_run_that_delivered_or_acknowledged_nothing_proves_nothing) {
    auto silent = good();
    silent.delivered = 0;
    EXPECT_THAT(reasons_against(silent), ElementsAre(HasSubstr("nothing was delivered")));
    auto refused = good();
    refused.acknowledged = 0;
    EXPECT_THAT(reasons_against(refused), ElementsAre(HasSubstr("nothing was acknowledged")));
    EXPECT_FALSE(reasons_against(ProveResult{}).empty());
}

TEST(ProveReport, times_give_middle_and_highest) {
    const Times times{{30, 10, 20}};
    EXPECT_EQ(times.median(), 20);
    EXPECT_EQ(times.max(), 30);
    EXPECT_EQ(Times{}.median(), 0);
}

}  // namespace
}  // namespace stepcast::proof

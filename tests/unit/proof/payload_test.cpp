#include "proof/load/payload.hpp"

#include <gtest/gtest.h>

#include "event/json.hpp"
#include "proof/load/server_probe.hpp"

namespace stepcast::proof {
namespace {

TEST(Payloads, are_json_of_the_asked_size) {
    const Payloads payloads{220};
    const auto text = payloads.event(7, 12345);
    EXPECT_EQ(text.size(), 220u);
    const auto json = event::parse_json(text);
    ASSERT_TRUE(json);
    EXPECT_EQ(json->at("taskId"), payloads.task(7).c_str());
    EXPECT_EQ(json->at("percentage"), 45);
}

TEST(Payloads, are_recognised_by_their_own_run_only) {
    const Payloads one;
    const Payloads other;
    EXPECT_EQ(one.sequence_of(one.event(3, 99)), 99u);
    EXPECT_EQ(one.user_of(one.event(3, 99)), 3u);
    EXPECT_FALSE(other.sequence_of(one.event(3, 99)));
    EXPECT_FALSE(other.user_of(one.event(3, 99)));
}

TEST(Fill, replaces_the_user_wherever_it_stands) {
    EXPECT_EQ(fill("/sub/{user}?userId={user}", "u1"), "/sub/u1?userId=u1");
    EXPECT_EQ(fill("/events", "u1"), "/events");
}

TEST(Metric, sums_over_labels_and_matches_whole_names) {
    const std::string_view text =
        "# HELP x_total y\n# TYPE x_total counter\nx_total{a=\"1\"} 2\nx_total{a=\"2\"} 3\nx_total_other "
        "9\nz 1.5\n";
    EXPECT_DOUBLE_EQ(metric(text, "x_total"), 5);
    EXPECT_DOUBLE_EQ(metric(text, "z"), 1.5);
    EXPECT_DOUBLE_EQ(metric(text, "missing"), 0);
}

}  // namespace
}  // namespace stepcast::proof

#include "app/server/metric_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stepcast::app {
namespace {

using testing::HasSubstr;

TEST(MetricPage, rows_of_one_name_are_one_family_whoever_gives_them) {
    MetricPage page;
    MetricSink& sink = page;
    sink.counter("a_total", "What a is", 3, {{"door", "http"}});
    sink.gauge("b", "What b is", 0.5);
    sink.counter("a_total", "said otherwise", 4, {{"door", "topic"}, {"reason", "x\"y"}});
    EXPECT_EQ(page.text(),
              "# HELP a_total What a is\n# TYPE a_total counter\n"
              "a_total{door=\"http\"} 3\na_total{door=\"topic\",reason=\"x\\\"y\"} 4\n"
              "# HELP b What b is\n# TYPE b gauge\nb 0.5\n");
}

TEST(MetricPage, a_counter_that_several_parts_give_is_their_sum) {
    MetricPage page;
    page.counter("a_total", "What a is", 3, {{"result", "saved"}});
    page.counter("a_total", "What a is", 1, {{"result", "failed"}});
    page.counter("a_total", "What a is", 4, {{"result", "saved"}});
    EXPECT_THAT(page.text(), HasSubstr("a_total{result=\"saved\"} 7\na_total{result=\"failed\"} 1\n"));
}

TEST(MetricPage, histograms_are_cumulative_and_add_up) {
    Histogram one, two;
    one.observe(0.002, 2);
    two.observe(100);
    MetricPage page;
    page.histogram("one_seconds", "One", one);
    const std::array<const Histogram*, 2> both{&one, &two};
    page.histogram("both_seconds", "Both", both, {{"lane", "0"}});
    const auto text = page.text();
    EXPECT_THAT(text, HasSubstr("one_seconds_bucket{le=\"0.0025\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("both_seconds_bucket{lane=\"0\",le=\"60\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("both_seconds_bucket{lane=\"0\",le=\"+Inf\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("both_seconds_count{lane=\"0\"} 3\n"));
}

}  // namespace
}  // namespace stepcast::app

#include "event/spans.hpp"

#include <gtest/gtest.h>

namespace stepcast::event {
namespace {

const std::string given_trace = "0af7651916cd43dd8448eb211c80319c";
const std::string above = "00-" + given_trace + "-b7ad6b7169203331-01";

class Collected final : public SpanSink {
  public:
    Collected() { span_sink.store(this); }
    ~Collected() override { span_sink.store(nullptr); }
    void take(Span span) override { spans.push_back(std::move(span)); }
    std::vector<Span> spans;
};

TEST(Spans, are_made_only_where_somebody_collects_them_and_the_trace_is_sampled) {
    EXPECT_FALSE(OpenSpan::within(above, Span::Kind::server));
    EXPECT_FALSE(OpenSpan::first(Span::Kind::server));
    const Collected collected;
    EXPECT_TRUE(OpenSpan::within(above, Span::Kind::server));
    for (const auto& bad : {std::string{}, std::string{"nonsense"}, above.substr(0, 53) + "00"})
        EXPECT_FALSE(OpenSpan::within(bad, Span::Kind::server)) << bad;
    EXPECT_EQ(collected.spans.size(), 1u);
}

TEST(Spans, say_what_they_are_within_and_what_became_of_them) {
    Collected collected;
    std::string named;
    {
        auto span = OpenSpan::within(above, Span::Kind::server);
        span.call("POST /x");
        span.add("http.response.status_code", std::int64_t{500});
        span.fail();
        named = span.traceparent();
        span.end();
        span.call("ended");
        EXPECT_EQ(span.traceparent(), "");
    }
    ASSERT_EQ(collected.spans.size(), 1u);
    const auto& span = collected.spans[0];
    EXPECT_EQ(span.trace_id, given_trace);
    EXPECT_EQ(span.parent_id, "b7ad6b7169203331");
    EXPECT_EQ(named, "00-" + given_trace + "-" + span.id + "-01");
    EXPECT_EQ(span.name, "POST /x");
    EXPECT_TRUE(span.failed);
    EXPECT_LE(span.start, span.end);
    EXPECT_EQ(std::get<std::int64_t>(span.attributes.at(0).second), 500);
}

TEST(Spans, of_a_trace_that_begins_have_none_above) {
    Collected collected;
    OpenSpan::first(Span::Kind::server).end();
    OpenSpan::first(Span::Kind::server).end();
    ASSERT_EQ(collected.spans.size(), 2u);
    EXPECT_EQ(collected.spans[0].parent_id, "");
    EXPECT_NE(collected.spans[0].trace_id, collected.spans[1].trace_id);
}

TEST(Spans, alone_move_a_trace_on_where_they_are_collected) {
    EXPECT_NE(pass_on(above), above);
    EXPECT_EQ(pass_on("nonsense"), "");
    const Collected collected;
    EXPECT_EQ(pass_on(above), above);
    EXPECT_EQ(pass_on("nonsense"), "");
}

}  // namespace
}  // namespace stepcast::event

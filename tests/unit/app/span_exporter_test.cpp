#include "app/server/span_exporter.hpp"

#include <gtest/gtest.h>

#include "unit/metric_rows.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;

event::Span span(std::string name) {
    return {.trace_id = "0af7651916cd43dd8448eb211c80319c",
            .id = "00f067aa0ba902b7",
            .parent_id = {},
            .name = std::move(name),
            .kind = event::Span::Kind::server,
            .start = event::Span::Time{1ns},
            .end = event::Span::Time{1'767'225'600'000'000'001ns}};
}

TEST(SpanExporter, drops_and_counts_what_there_is_no_room_for) {
    asio::io_context io;
    SpanExporter exporter{io, {.url = {}, .queue = 2}};
    for (int i = 0; i < 5; ++i) exporter.take(span("x"));
    testing::MetricRows rows;
    exporter.read_metrics(rows);
    EXPECT_EQ(rows.values.at("stepcast_spans_dropped_total"), 3);
    EXPECT_EQ(rows.values.at("stepcast_spans_sent_total"), 0);
}

TEST(SpanExporter, writes_what_otlp_has_in_json) {
    auto first = span("POST \"/x\"");
    first.parent_id = "b7ad6b7169203331";
    first.failed = true;
    first.attributes = {{"a", std::string{"1"}}, {"b", std::int64_t{2}}};
    const std::array spans{first, span("y")};
    EXPECT_EQ(
        to_otlp(spans, "shop", "1.0"),
        R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},)"
        R"({"key":"service.version","value":{"stringValue":"1.0"}}]},"scopeSpans":[{"scope":{"name":"stepcast"},"spans":[)"
        R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b7","parentSpanId":"b7ad6b7169203331",)"
        R"("name":"POST \"/x\"","kind":2,"startTimeUnixNano":"1","endTimeUnixNano":"1767225600000000001",)"
        R"("attributes":[{"key":"a","value":{"stringValue":"1"}},{"key":"b","value":{"intValue":"2"}}],"status":{"code":2}},)"
        R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b7",)"
        R"("name":"y","kind":2,"startTimeUnixNano":"1","endTimeUnixNano":"1767225600000000001","attributes":[]}]}]}]})");
}

}  // namespace
}  // namespace stepcast::app

#include "event/trace.hpp"

#include <gtest/gtest.h>

#include "event/metadata.hpp"

namespace stepcast::event {
namespace {

const std::string trace = "0af7651916cd43dd8448eb211c80319c", span = "b7ad6b7169203331";

TEST(Trace, goes_on_with_a_span_of_its_own) {
    const auto next = next_hop("00-" + trace + "-" + span + "-01");
    const auto read = read_traceparent(next);
    ASSERT_TRUE(read) << next;
    EXPECT_EQ(read->trace_id, trace);
    EXPECT_EQ(read->flags, "01");
    EXPECT_NE(read->parent_id, span);
    EXPECT_EQ(next_hop("cc-" + trace + "-" + span + "-00-more").substr(0, 36), "00-" + trace + "-");
    for (const auto& bad : {std::string{}, trace, "00-" + trace, "ff-" + trace + "-" + span + "-01"})
        EXPECT_EQ(next_hop(bad), "") << bad;
}

TEST(Metadata, of_what_is_caused_names_its_cause_and_keeps_the_rest) {
    const Metadata cause{.correlation_id = "O",
                         .causation_id = "c",
                         .traceparent = "00-" + trace + "-" + span + "-01",
                         .actor = "kim"};
    const auto next = caused_by(cause, "m");
    EXPECT_EQ(next.correlation_id, "O");
    EXPECT_EQ(next.causation_id, "m");
    EXPECT_EQ(next.actor, "kim");
    EXPECT_EQ(next.traceparent.substr(0, 36), "00-" + trace + "-");
    EXPECT_NE(next.traceparent, cause.traceparent);
    EXPECT_EQ(caused_by({}, std::string(max_metadata_text + 1, 'x')), Metadata{});
}

TEST(Metadata, is_put_on_a_draft_that_stays_the_same_event) {
    static constexpr std::array<std::string_view, 2> types{"A", "B"};
    static constexpr Category category{"c", "c", types, false};
    const auto make = [](const std::string& json, std::string_view stream, std::string_view event_id) {
        return Event::make({.category = &category,
                            .type = 1,
                            .schema_version = 2,
                            .fingerprint = 7,
                            .stream_id = stream,
                            .id = event_id,
                            .subject = "u",
                            .json = json});
    };
    const std::string json = R"({"s":"S","e":"E"})";
    const auto draft = make(json, std::string_view{json}.substr(6, 1), "E2");
    const auto marked = with_metadata(draft, R"({"actor":"kim"})");
    EXPECT_EQ(marked->metadata(), R"({"actor":"kim"})");
    EXPECT_EQ(marked->body(), draft->body());
    EXPECT_EQ(marked->stream_id(), "S");
    EXPECT_EQ(marked->id(), "E2");
    EXPECT_EQ(marked->subject(), "u");
    EXPECT_EQ(marked->type(), "B");
    EXPECT_EQ(marked->schema_version(), 2);
    EXPECT_EQ(marked->fingerprint(), 7u);
    EXPECT_EQ(reference_of(*marked), "c-S/E2");
    EXPECT_EQ(with_metadata(make(json, "elsewhere", "E2"), "{}")->stream_id(), "elsewhere");
    const auto large = make("{\"x\":\"" + std::string(65'500, 'x') + "\"}", "S", "E");
    EXPECT_EQ(with_metadata(large, R"({"actor":"someone with a name"})"), large);
}

}  // namespace
}  // namespace stepcast::event

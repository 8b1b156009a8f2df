#include "event/metadata.hpp"

#include <gtest/gtest.h>

namespace stepcast::event {
namespace {

TEST(Metadata, absent_members_cost_no_byte) {
    EXPECT_EQ(to_json({}), "");
    EXPECT_EQ(to_json({.actor = "ann"}), R"({"actor":"ann"})");
    EXPECT_TRUE(read_metadata("")->empty());
}

TEST(Metadata, comes_back_as_it_was_written) {
    const Metadata all{.correlation_id = "c \"1\"",
                       .causation_id = "e-7",
                       .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                       .actor = "앤"};
    EXPECT_EQ(*read_metadata(to_json(all)), all);
}

TEST(Metadata, of_others_is_checked) {
    EXPECT_EQ(read_metadata(R"({"actor":"ann","more":[1],"causationId":null})")->actor, "ann");
    EXPECT_FALSE(read_metadata("[]"));
    EXPECT_FALSE(read_metadata(R"({"actor":7})"));
    EXPECT_TRUE(read_metadata(R"({"actor":")" + std::string(max_metadata_text, 'a') + "\"}"));
    EXPECT_FALSE(read_metadata(R"({"actor":")" + std::string(max_metadata_text + 1, 'a') + "\"}"));
}

TEST(Metadata, goes_over_as_headers) {
    const Metadata some{.correlation_id = "c", .actor = "ann"};
    const auto headers = to_headers(some);
    EXPECT_EQ(headers, (std::vector<Header>{{"correlation-id", "c"}, {"actor", "ann"}}));
    std::vector<HeaderView> views{{"other", "x"}};
    for (const auto& [name, value] : headers) views.push_back({name, value});
    views.push_back({"actor", "bob"});
    EXPECT_EQ(metadata_of(views), some);
}

TEST(Metadata, a_header_that_does_not_fit_is_passed_over) {
    const std::string large(max_metadata_text + 1, 'a');
    const std::vector<HeaderView> views{{"actor", "\xFF"}, {"correlation-id", large}, {"causation-id", "e"}};
    EXPECT_EQ(metadata_of(views), Metadata{.causation_id = "e"});
}

}  // namespace
}  // namespace stepcast::event

#include "sse_streams.hpp"

namespace stepcast::http {
namespace {

TEST_F(SseStreams, at_the_end_of_its_proof_a_stream_says_bye_and_ends_whole) {
    // One that lives longer comes where the machine was too slow for this one.
    for (auto life = 2s; life < 60s; life *= 4) {
        const auto expires = system_clock().now() + life;
        request.principal = {.subject = "u", .expires = expires, .anonymous = false};
        const auto ended = closed(CloseReason::expired), before = history.applied();
        auto client = open(past(before));
        client.read_until_text("recovery");
        publish(3);
        const bool in_time = system_clock().now() < expires - life / 2;
        ASSERT_TRUE(client.read_to_end());
        if (!in_time) continue;
        EXPECT_TRUE(client.whole());
        EXPECT_EQ(client.positions(), range(before + 1, before + 3));
        EXPECT_TRUE(client.text().ends_with("event: bye\ndata: {\"reason\":\"auth\"}\n\n")) << client.text();
        EXPECT_EQ(closed(CloseReason::expired), ended + 1);
        return;
    }
    FAIL() << "no machine is that slow";
}

TEST_F(SseStreams, a_stream_whose_proof_is_taken_back_says_bye_and_others_go_on) {
    const auto gone = std::make_shared<std::atomic<bool>>(false);
    request.principal = {.subject = "u", .revoked = gone, .anonymous = false};
    auto client = open(past(0));
    request.principal.revoked = std::make_shared<std::atomic<bool>>(false);
    auto other = open(past(0));
    ASSERT_TRUE(client.read_until_text("recovery"));
    ASSERT_TRUE(other.read_until_text("recovery"));
    *gone = true;
    ASSERT_TRUE(client.read_to_end());
    EXPECT_TRUE(client.whole());
    EXPECT_TRUE(client.text().ends_with("event: bye\ndata: {\"reason\":\"auth\"}\n\n")) << client.text();
    EXPECT_EQ(closed(CloseReason::expired), 1u);
}

TEST_F(SseStreams, a_proof_that_ends_during_the_catch_up_cuts_the_stream) {
    request.principal = {.subject = "u", .expires = system_clock().now() - 1h, .anonymous = false};
    auto source = past(0);
    source->wait_first(1000);
    auto client = open(std::move(source));
    ASSERT_TRUE(client.read_to_end());
    EXPECT_FALSE(client.whole());
    EXPECT_EQ(closed(CloseReason::expired), 1u);
}

}  // namespace
}  // namespace stepcast::http

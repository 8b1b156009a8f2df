#include "http/stream/admission.hpp"

#include <gtest/gtest.h>

#include "http/stream/sse_session.hpp"

namespace stepcast::http {
namespace {

TEST(SseAdmission, holds_both_bounds_and_takes_places_back) {
    SseAdmission admission{3, 2};
    auto first = admission.admit("a", {}), second = admission.admit("a", {});
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(admission.admit("a", {}));
    auto third = admission.admit("b", {});
    EXPECT_TRUE(third);
    EXPECT_FALSE(admission.admit("c", {}));
    EXPECT_EQ(admission.open(), 3u);
    first.reset();
    EXPECT_TRUE(admission.admit("a", {}));
    EXPECT_EQ(admission.open(), 2u);
}

TEST(SseAdmission, holds_each_address_to_its_own_bound) {
    ClientLimits limits{{.address = {0, 2}}};
    SseAdmission admission{5, 0, &limits};
    const auto at = [](const char* address) { return Peer{.address = asio::ip::make_address(address)}; };
    auto first = admission.admit("a", at("2001:db8::1")), second = admission.admit("b", at("2001:db8::2"));
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(admission.admit("c", at("2001:db8:0:0:ffff::3"))) << "of one /64";
    EXPECT_EQ(admission.open(), 2u);
    EXPECT_TRUE(admission.admit("c", at("2001:db8:0:1::1")));
    auto moved = std::move(second);
    first.reset();
    EXPECT_TRUE(admission.admit("c", at("2001:db8::3")));
    EXPECT_TRUE(admission.admit("d", {.local = true})) << "a local socket has no address";
}

TEST(SseBusy, an_event_source_is_told_to_come_back_and_others_get_503) {
    Request browser;
    browser.headers.emplace_back("accept", "text/event-stream");
    const auto stream = sse_busy(browser);
    EXPECT_EQ(stream.status, 200);
    const auto wait = std::stoi(stream.body.substr(stream.body.find("retry: ") + 7));
    EXPECT_GE(wait, 5000);
    EXPECT_LE(wait, 30000);
    const auto refused = sse_busy(Request{});
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.headers.back().first, "Retry-After");
}

}  // namespace
}  // namespace stepcast::http

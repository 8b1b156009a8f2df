#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kafka/rdkafka.hpp"

namespace stepcast::kafka {
namespace {

std::string broker(std::string_view state, int waiting, std::int64_t silent_us) {
    return fmt::format(
        R"({{"name":"b","state":"{}","stateage":1,"outbuf_cnt":0,"waitresp_cnt":{},"txidle":7,"rxidle":{}}})",
        state, waiting, silent_us);
}

bool up(const std::vector<std::string>& brokers) {
    return any_broker_up(
        fmt::format(R"({{"brokers":{{{}}},"cgrp":{{"state":"up"}}}})", fmt::join(brokers, ",")));
}

TEST(Statistics, a_broker_counts_as_up_while_it_is_connected) {
    EXPECT_TRUE(up({broker("UP", 1, 1000)}));
    EXPECT_TRUE(up({broker("UP", 0, 60'000'000)})) << "nothing was asked of it";
    EXPECT_TRUE(up({broker("UP", 0, -1)})) << "nothing was ever received";
    EXPECT_TRUE(up({broker("DOWN", 0, -1), broker("UP", 0, 1000)}));
    EXPECT_FALSE(up({broker("DOWN", 0, -1)}));
    EXPECT_FALSE(up({broker("TRY_CONNECT", 3, 10)}));
    EXPECT_FALSE(up({}));
}

TEST(Statistics, a_broker_that_is_silent_while_it_owes_answers_counts_as_down) {
    EXPECT_FALSE(up({broker("UP", 1, 3'000'000)}));
    EXPECT_FALSE(up({broker("UP", 0, 60'000'000), broker("UP", 2, 3'000'000)})) << "the other was not asked";
    EXPECT_TRUE(up({broker("UP", 2, 3'000'000), broker("UP", 1, 1000)})) << "one of several";
}

}  // namespace
}  // namespace stepcast::kafka

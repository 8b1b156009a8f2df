#include "event/ids.hpp"

#include <gtest/gtest.h>

#include <string>

namespace stepcast::event {
namespace {

TEST(Ids, are_short_printable_and_valid) {
    EXPECT_EQ(fault_of_id("ACC-001"), "");
    EXPECT_EQ(fault_of_id("계좌/1 %"), "");
    std::string longest;
    for (int i = 0; i < 128; ++i) longest += "김";
    EXPECT_EQ(fault_of_id(longest), "");
    EXPECT_EQ(fault_of_id(longest + "x"), "must have at most 128 characters");
    EXPECT_EQ(fault_of_id(""), "must not be empty");
    EXPECT_EQ(fault_of_id("\xff"), "must be valid UTF-8");
    EXPECT_EQ(fault_of_id("a\nb"), "must not contain control characters");
}

TEST(Ids, a_text_may_be_empty_and_longer) {
    EXPECT_EQ(fault_of_text(""), "");
    EXPECT_EQ(fault_of_text(std::string(256, 'x')), "");
    EXPECT_EQ(fault_of_text(std::string(257, 'x')), "must have at most 256 characters");
    EXPECT_EQ(fault_of_text("a\tb"), "must not contain control characters");
}

}  // namespace
}  // namespace stepcast::event

#include "http/answers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bus/bus.hpp"

namespace stepcast::http {
namespace {

using testing::HasSubstr;

TEST(Answers, an_error_is_answered_by_its_row_with_its_own_words) {
    const AnswerRow rows[]{{make_error_code(std::errc::no_link), 404, "no-link"},
                           {make_error_code(std::errc::timed_out), 503, "too-slow"}};
    const auto missing = answer_for({make_error_code(std::errc::no_link), "where", "is not there"}, rows);
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(missing.code, "no-link");
    EXPECT_THAT(missing.body, HasSubstr("where: is not there"));
    const auto slow = answer_for({make_error_code(std::errc::timed_out)}, rows);
    EXPECT_EQ(slow.status, 503);
    EXPECT_THAT(slow.body, HasSubstr(make_error_code(std::errc::timed_out).message()));
    EXPECT_THAT(slow.headers, testing::Contains(testing::Pair("Retry-After", "2")));
}

TEST(Answers, the_buss_errors_need_no_row_and_may_have_one) {
    EXPECT_EQ(answer_for({bus::errc::busy, {}, "full"}, {}).code, "busy");
    EXPECT_EQ(answer_for({bus::errc::too_large}, {}).status, 413);
    for (const auto error : {bus::errc::unavailable, bus::errc::unknown_topic, bus::errc::closed})
        EXPECT_EQ(answer_for({error}, {}).code, "bus-unavailable");
    const AnswerRow own[]{{bus::errc::closed, 410, "over"}};
    EXPECT_EQ(answer_for({bus::errc::closed}, own).status, 410);
}

TEST(Answers, what_nobody_has_a_row_for_reveals_nothing) {
    const auto answer = answer_for({make_error_code(std::errc::io_error), {}, "secret"}, {});
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace stepcast::http

#include "app/server/json_formatter.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <string>

namespace stepcast::app {
namespace {

std::string formatted(std::string_view message) {
    JsonFormatter formatter;
    spdlog::memory_buf_t out;
    const spdlog::details::log_msg line{spdlog::log_clock::time_point{},
                                        {},
                                        "stepcast",
                                        spdlog::level::warn,
                                        spdlog::string_view_t{message.data(), message.size()}};
    formatter.format(line, out);
    return {out.data(), out.size()};
}

TEST(JsonFormatter, a_line_is_one_json_object) {
    const std::string line = formatted("a \"b\"\n\tc 노트북");
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto object = boost::json::parse(line).as_object();
    EXPECT_EQ(object.at("level").as_string(), "warning");
    EXPECT_EQ(object.at("message").as_string(), "a \"b\"\n\tc 노트북");
    EXPECT_EQ(object.at("time").as_string(), "1970-01-01T00:00:00.000Z");
}

TEST(JsonFormatter, bytes_that_are_no_utf8_do_not_break_the_line) {
    EXPECT_EQ(boost::json::parse(formatted("x\xff\xc3y")).as_object().at("message").as_string(), "x??y");
}

}  // namespace
}  // namespace stepcast::app

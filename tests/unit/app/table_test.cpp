// What the endpoint table of a whole node says of itself.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <regex>
#include <set>

#include "app/server/node.hpp"
#include "app/server/wiring.hpp"
#include "event/json.hpp"

namespace stepcast::app {
namespace {

class TableTest : public testing::Test {
  protected:
    asio::io_context io{1};
    const Config config;
    Node node{io,      config,         std::move(*make_bus(io, config, system_clock())),
              nullptr, system_clock(), modules(config, system_clock().now())};
    const std::deque<http::Route>& table = node.router().table();
};

std::set<std::string> names_in(const std::string& pattern) {
    std::set<std::string> names;
    const std::regex name{"\\{(\\w+)\\}"};
    for (std::sregex_iterator it{pattern.begin(), pattern.end(), name}, end; it != end; ++it)
        names.insert((*it)[1]);
    return names;
}

TEST_F(TableTest, no_row_is_without_what_it_is_for_and_a_rule_of_who_may_call) {
    EXPECT_GT(table.size(), 12u);
    for (const auto& [method, pattern, handler, info] : table) {
        EXPECT_TRUE(handler) << pattern;
        EXPECT_NE(info.access, http::Access::unsaid) << pattern;
        EXPECT_FALSE(info.summary.empty()) << pattern;
        ASSERT_FALSE(info.answers.empty()) << pattern;
        EXPECT_LT(info.answers.front().status, 300) << pattern;
        if (method == wire::Method::post || method == wire::Method::put || method == wire::Method::patch)
            EXPECT_NE(info.body, nullptr) << pattern;
    }
}

TEST_F(TableTest, every_name_of_a_path_is_a_parameter_and_no_other) {
    for (const auto& [method, pattern, handler, info] : table) {
        std::set<std::string> named;
        for (const auto& parameter : info.parameters) {
            EXPECT_FALSE(parameter.meaning.empty()) << pattern;
            EXPECT_TRUE(event::parse_json(parameter.schema)) << pattern << ' ' << parameter.name;
            if (parameter.in != http::Parameter::In::path) continue;
            EXPECT_TRUE(parameter.required);
            named.emplace(parameter.name);
        }
        EXPECT_EQ(named, names_in(pattern)) << pattern;
    }
}

TEST_F(TableTest, schemas_are_json_and_a_name_means_one_of_them) {
    std::map<std::string_view, const http::Schema*> known;
    const auto look = [&](const http::Schema* schema) {
        if (schema == nullptr) return;
        EXPECT_TRUE(event::parse_json(schema->json)) << schema->name;
        EXPECT_EQ(known.emplace(schema->name, schema).first->second, schema) << schema->name;
    };
    for (const auto& row : table) {
        look(row.info.body);
        for (const auto& answer : row.info.answers) look(answer.schema);
    }
    EXPECT_GT(known.size(), 7u);
}

}  // namespace
}  // namespace stepcast::app

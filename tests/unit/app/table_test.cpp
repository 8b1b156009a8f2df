// What the endpoint table of a whole node says of itself.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <regex>
#include <set>

#include "app/server/node.hpp"
#include "app/server/wiring.hpp"
#include "event/json.hpp"
#include "http/openapi.hpp"

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
        if (pattern == "/api/session") continue;  // its token comes in a header
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

TEST_F(TableTest, every_row_that_is_not_open_asks_for_a_token_that_proves_enough) {
    node.hold_to(http::AccessPolicy{[](std::string_view token) -> result<auth::Principal> {
        if (token == "expired") return fail(std::make_error_code(std::errc::timed_out), {}, "it has expired");
        return auth::Principal{.subject = "ada", .scopes = {.admin = token == "admin"}, .anonymous = false};
    }});
    const auto status_of = [&](const http::Route& row, std::string_view token) {
        http::Request request;
        request.method = row.method;
        request.path = std::regex_replace(row.pattern, std::regex{"[{}]"}, "");
        request.headers = {{"host", "localhost"}};
        request.peer.address = asio::ip::address_v4::loopback();
        if (!token.empty()) request.headers.emplace_back("authorization", "Bearer " + std::string{token});
        const auto match = node.router().route(request);
        return match.handler != nullptr ? 200 : match.answer->status;
    };
    for (const auto& row : table) {
        const bool open = row.info.access == http::Access::open;
        const bool admin = row.info.access == http::Access::admin;
        EXPECT_EQ(status_of(row, ""), open ? 200 : 401) << row.pattern;
        EXPECT_EQ(status_of(row, "expired"), open ? 200 : 401) << row.pattern;
        EXPECT_EQ(status_of(row, "user"), admin ? 403 : 200) << row.pattern;
        EXPECT_EQ(status_of(row, "admin"), 200) << row.pattern;
    }
}

TEST_F(TableTest, a_stream_says_what_may_come_on_it_and_nothing_else_does) {
    for (const auto& row : table) {
        const bool stream = row.info.answers.front().type == "text/event-stream";
        EXPECT_EQ(!row.info.events.empty(), stream) << row.pattern;
        for (const auto* event : row.info.events) {
            EXPECT_FALSE(event->meaning.empty()) << event->name;
            ASSERT_NE(event->payload, nullptr) << event->name;
            EXPECT_TRUE(event::parse_json(event->payload->json)) << event->name;
        }
    }
}

TEST_F(TableTest, the_document_has_every_row_of_the_interface_and_no_file_of_the_page) {
    const auto document = http::openapi_document(table, {.version = "1.2.3", .summary = "What it is for"});
    EXPECT_EQ(document.at("info").at("version").as_string(), "1.2.3");
    const auto& paths = document.at("paths").as_object();
    std::set<std::string_view> ids;
    std::size_t documented = 0, operations = 0;
    for (const auto& row : table) documented += row.info.documented ? 1 : 0;
    for (const auto& [path, methods] : paths)
        for (const auto& [method, operation] : methods.as_object()) {
            ++operations;
            EXPECT_TRUE(ids.insert(operation.at("operationId").as_string()).second) << path;
            EXPECT_NE(operation.at("responses").as_object().size(), 0u);
        }
    EXPECT_EQ(operations, documented);
    EXPECT_FALSE(paths.contains("/index.html"));
    const auto& stream = paths.at("/api/v2/progress/subscribe").at("get").at("responses").at("200");
    EXPECT_TRUE(stream.at("content").as_object().contains("text/event-stream"));
}

}  // namespace
}  // namespace stepcast::app

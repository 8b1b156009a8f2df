#include "http/router.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

namespace stepcast::http {
namespace {

Handler nothing() {
    return [](Request&, Context) -> awaitable<Response> { co_return Response{}; };
}

Route row(Method method, std::string pattern, Access access = Access::open) {
    return {method, std::move(pattern), nothing(), {.access = access}};
}

Request request_for(Method method, std::string path) {
    Request request;
    request.method = method;
    request.path = std::move(path);
    request.headers = {{"host", "localhost:8082"}};
    return request;
}

std::string header_of(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
        if (key == name) return value;
    return "(none)";
}

std::string answer_header_of(const Request& request, std::string_view name) {
    for (const auto& [key, value] : request.answer_headers)
        if (key == name) return value;
    return "(none)";
}

class RouterTest : public ::testing::Test {
  protected:
    RouterTest() : RouterTest{{"https://app.example"}} {}
    explicit RouterTest(std::vector<std::string> origins)
        : router{ServerOptions{.cors_origins = std::move(origins)}} {
        router.add({row(Method::get, "/"), row(Method::get, "/status/{taskId}"),
                    row(Method::get, "/status/all"), row(Method::get, "/user/{userId}/task/{taskId}"),
                    row(Method::post, "/events"), row(Method::get, "/events"),
                    row(Method::del, "/tasks/{id}")});
    }

    std::string route_of(Method method, std::string path) {
        auto request = request_for(method, std::move(path));
        const auto match = router.route(request);
        return match.handler != nullptr ? match.stats->route() : std::to_string(match.answer->status);
    }

    Router router;
};

TEST_F(RouterTest, finds_literal_paths_before_parameters) {
    EXPECT_EQ(route_of(Method::get, "/"), "/");
    EXPECT_EQ(route_of(Method::get, "/status/all"), "/status/all");
    EXPECT_EQ(route_of(Method::get, "/status/42"), "/status/{taskId}");
    EXPECT_EQ(route_of(Method::head, "/status/42"), "/status/{taskId}");
    EXPECT_EQ(route_of(Method::post, "/events"), "/events");
    for (const auto* path :
         {"/status", "/status/", "/status/a/", "/status//", "//", "/nothing", "/STATUS/all", "/status/all/"})
        EXPECT_EQ(route_of(Method::get, path), "404") << path;
    EXPECT_EQ(route_of(Method::get, "/status/{taskId}"), "/status/{taskId}");
    EXPECT_EQ(route_of(Method::get, std::string(1000, '/')), "404");
}

TEST_F(RouterTest, gives_parameters_with_their_escaped_slashes) {
    auto request = request_for(Method::get, "/user/a/b/task/노트");
    request.escaped_slashes = {7};
    ASSERT_NE(router.route(request).handler, nullptr);
    EXPECT_EQ(request.path_parameter("userId"), "a/b");
    EXPECT_EQ(request.path_parameter("taskId"), "노트");
    EXPECT_EQ(request.path_parameter("other"), "");
}

TEST_F(RouterTest, another_method_is_405_with_allow) {
    auto request = request_for(Method::put, "/events");
    const auto match = router.route(request);
    ASSERT_TRUE(match.answer);
    EXPECT_EQ(match.answer->status, 405);
    EXPECT_EQ(header_of(*match.answer, "Allow"), "GET, HEAD, POST, OPTIONS");
    EXPECT_EQ(header_of(*match.answer, "Content-Type"), "application/problem+json");
    EXPECT_EQ(match.stats->route(), "/events");
    EXPECT_EQ(route_of(Method::head, "/tasks/1"), "405");
}

TEST_F(RouterTest, options_tells_what_is_allowed) {
    auto request = request_for(Method::options, "/tasks/1");
    auto match = router.route(request);
    EXPECT_EQ(match.answer->status, 204);
    EXPECT_EQ(header_of(*match.answer, "Allow"), "DELETE, OPTIONS");
    request = request_for(Method::options, "*");
    match = router.route(request);
    EXPECT_EQ(match.answer->status, 204);
    EXPECT_EQ(header_of(*match.answer, "Allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

TEST_F(RouterTest, refuses_a_pattern_twice_or_malformed) {
    EXPECT_THROW(router.add({Method::get, "/events", nothing()}), std::invalid_argument);
    EXPECT_THROW(router.add({Method::get, "events", nothing()}), std::invalid_argument);
    EXPECT_THROW(router.add({Method::get, "/a/{}", nothing()}), std::invalid_argument);
    EXPECT_THROW(router.add({Method::get, "/a/{b", nothing()}), std::invalid_argument);
}

TEST_F(RouterTest, a_listed_origin_may_call_and_read_and_others_may_not) {
    auto listed = request_for(Method::post, "/events");
    listed.headers.emplace_back("origin", "https://app.example");
    EXPECT_NE(router.route(listed).handler, nullptr);
    EXPECT_EQ(answer_header_of(listed, "Access-Control-Allow-Origin"), "https://app.example");
    EXPECT_EQ(answer_header_of(listed, "Vary"), "Origin");

    for (const auto* origin : {"https://evil.example", "null", "", "https://app.example.evil",
                               "http://app.example", "ftp://localhost:8082", "http://localhost:8083",
                               "https://localhost", "http://localhost", "HTTPS://APP.EXAMPLE"}) {
        auto foreign = request_for(Method::post, "/events");
        foreign.headers.emplace_back("origin", origin);
        const auto match = router.route(foreign);
        ASSERT_TRUE(match.answer) << origin;
        EXPECT_EQ(match.answer->status, 403) << origin;
        EXPECT_EQ(answer_header_of(foreign, "Access-Control-Allow-Origin"), "(none)");
        EXPECT_EQ(answer_header_of(foreign, "Vary"), "Origin");
        foreign.method = Method::get;
        EXPECT_NE(router.route(foreign).handler, nullptr) << "reading is the browser's to forbid";
    }

    auto two = request_for(Method::post, "/events");
    two.headers.emplace_back("origin", "https://app.example");
    two.headers.emplace_back("origin", "https://evil.example");
    EXPECT_EQ(router.route(two).answer->status, 403);
}

TEST_F(RouterTest, our_own_page_may_call) {
    auto own = request_for(Method::post, "/events");
    own.headers.emplace_back("origin", "http://LOCALHOST:8082");
    EXPECT_NE(router.route(own).handler, nullptr);
    auto default_port = request_for(Method::post, "/events");
    default_port.headers = {{"host", "stepcast:80"}, {"origin", "http://stepcast"}};
    EXPECT_NE(router.route(default_port).handler, nullptr);
}

TEST_F(RouterTest, over_https_our_own_page_is_one_of_https) {
    auto own = request_for(Method::post, "/events");
    own.peer.secure = true;
    own.headers = {{"host", "shop.example"}, {"origin", "https://shop.example"}};
    EXPECT_NE(router.route(own).handler, nullptr);
    own.headers.back().second = "http://shop.example";
    EXPECT_EQ(router.route(own).answer->status, 403);
}

TEST_F(RouterTest, our_own_page_may_call_behind_a_proxy) {
    auto tls = request_for(Method::post, "/events");
    for (const auto* host : {"shop.example", "shop.example:443", "Shop.Example"}) {
        tls.headers = {{"host", host}, {"origin", "https://shop.example"}};
        EXPECT_NE(router.route(tls).handler, nullptr) << host;
    }
    auto rewritten = request_for(Method::post, "/events");
    rewritten.headers = {{"host", "127.0.0.1:8082"}, {"origin", "https://shop.example"}};
    EXPECT_EQ(router.route(rewritten).answer->status, 403);
    for (const auto* site : {"cross-site", "same-site", "none", "Same-Origin"}) {
        rewritten.headers.resize(2);
        rewritten.headers.emplace_back("sec-fetch-site", site);
        EXPECT_EQ(router.route(rewritten).answer->status, 403) << site;
    }
    rewritten.headers.back().second = "same-origin";
    EXPECT_NE(router.route(rewritten).handler, nullptr);
}

class HostTest : public RouterTest {
  protected:
    HostTest() {
        router.add({Method::get, "/healthz", nothing(), {.access = Access::open, .any_host = true}});
    }

    int status_under(std::string host, std::string path = "/events", Method method = Method::get) {
        auto request = request_for(method, std::move(path));
        request.headers = {{"host", std::move(host)}};
        const auto match = router.route(request);
        return match.handler != nullptr ? 200 : match.answer->status;
    }
};

TEST_F(HostTest, on_a_loopback_address_only_this_machine_and_listed_names_are_answered) {
    EXPECT_EQ(status_under("evil.example"), 200) << "without a policy";
    router.answer_only({{"shop.example", "10.0.0.7", "fd00::7"}, true});
    for (const auto* own : {"localhost", "LOCALHOST:8082", "localhost.", "app.localhost", "127.0.0.1:8082",
                            "127.9.8.7", "[::1]", "[::1]:8082", "[::ffff:127.0.0.1]", "shop.example",
                            "Shop.Example:443", "10.0.0.7:8082", "[fd00::7]:1"})
        EXPECT_EQ(status_under(own), 200) << own;
    for (const auto* foreign : {"evil.example", "evil.example:8082", "notlocalhost", "localhost.evil.example",
                                "127.0.0.1.evil.example", "10.0.0.8", "128.0.0.1", "[::2]", "0.0.0.0",
                                "www.shop.example", "127.1"}) {
        EXPECT_EQ(status_under(foreign), 421) << foreign;
        EXPECT_EQ(status_under(foreign, "/nothing"), 421) << foreign;
        EXPECT_EQ(status_under(foreign, "*", Method::options), 421) << foreign;
        EXPECT_EQ(status_under(foreign, "/events", Method::post), 421) << foreign;
        EXPECT_EQ(status_under(foreign, "/healthz"), 200) << foreign;
    }
    auto old = request_for(Method::get, "/events");
    old.headers.clear();
    EXPECT_NE(router.route(old).handler, nullptr) << "HTTP/1.0 needs no Host";
}

TEST_F(HostTest, elsewhere_listed_names_decide_when_there_are_any) {
    router.answer_only({{}, false});
    EXPECT_EQ(status_under("any.example"), 200);
    router.answer_only({{"shop.example"}, false});
    EXPECT_EQ(status_under("shop.example"), 200);
    EXPECT_EQ(status_under("localhost:8082"), 200) << "a container asks itself whether it is well";
    auto foreign = request_for(Method::get, "/events");
    foreign.headers = {{"host", "any.example"}};
    const auto match = router.route(foreign);
    ASSERT_TRUE(match.answer);
    EXPECT_EQ(match.answer->status, 421);
    EXPECT_EQ(match.answer->code, "misdirected");
}

class AccessTest : public RouterTest {
  protected:
    AccessTest() {
        router.add({row(Method::get, "/mine", Access::user), row(Method::get, "/admin", Access::admin),
                    row(Method::post, "/admin", Access::admin), row(Method::get, "/unsaid", Access::unsaid)});
    }

    /// 200, or the status of the refusal.
    int status_of(std::string path, bool from_loopback, std::string proxy_header = {},
                  Method method = Method::get) {
        auto request = request_for(method, std::move(path));
        if (from_loopback) request.peer.address = asio::ip::address_v4::loopback();
        if (!proxy_header.empty()) request.headers.emplace_back(std::move(proxy_header), "for=192.0.2.1");
        const auto match = router.route(request);
        if (match.handler != nullptr) return 200;
        code = match.answer->code;
        return match.answer->status;
    }

    std::string code;
};

TEST_F(AccessTest, where_any_host_is_answered_a_foreign_page_makes_no_admin_calls) {
    router.answer_only({{}, false});
    auto request = request_for(Method::get, "/admin");
    request.peer.address = asio::ip::address_v4::loopback();
    const auto status_under = [&](std::string host) {
        request.headers = {{"host", std::move(host)}};
        const auto match = router.route(request);
        return match.handler != nullptr ? 200 : match.answer->status;
    };
    for (const auto* own : {"localhost:8082", "127.0.0.1", "[::1]:8082"})
        EXPECT_EQ(status_under(own), 200) << own;
    EXPECT_EQ(status_under("rebound.example"), 403);
    router.answer_only({{"shop.example"}, false});
    EXPECT_EQ(status_under("shop.example"), 200);
}

TEST_F(AccessTest, without_auth_admin_calls_are_answered_on_this_machine_only) {
    for (const auto method : {Method::get, Method::post, Method::head}) {
        EXPECT_EQ(status_of("/admin", true, {}, method), 200);
        EXPECT_EQ(status_of("/admin", false, {}, method), 403);
        EXPECT_EQ(code, "admin-needs-auth");
    }
    for (const auto* proxy : {"x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-proto"})
        EXPECT_EQ(status_of("/admin", true, proxy), 403) << proxy;
    EXPECT_EQ(status_of("/mine", false), 200);
    EXPECT_EQ(status_of("/events", false), 200);
    EXPECT_EQ(status_of("/admin", false, {}, Method::del), 405);
}

TEST_F(AccessTest, a_row_without_a_rule_is_held_to_the_strictest) {
    EXPECT_EQ(status_of("/unsaid", false), 403);
    EXPECT_EQ(status_of("/unsaid", true), 200);
}

/// The shortest of several tries, in seconds.
double seconds_to_route(const Router& router, const std::string& target) {
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
        const auto start = std::chrono::steady_clock::now();
        wire::Target parsed;
        EXPECT_EQ(wire::parse_target(target, false, parsed), nullptr);
        auto request = request_for(Method::get, std::move(parsed.path));
        request.escaped_slashes = std::move(parsed.escaped_slashes);
        EXPECT_NE(router.route(request).handler, nullptr);
        best =
            std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
}

TEST_F(RouterTest, a_path_of_escaped_slashes_costs_no_more_than_its_length) {
    std::string slashes = "/status/", letters = slashes;
    for (int i = 0; i < 2700; ++i) slashes += "%2F", letters += "%61";
    EXPECT_LT(seconds_to_route(router, slashes), 10 * seconds_to_route(router, letters));
}

TEST_F(RouterTest, a_coded_body_is_refused_before_any_handler) {
    auto coded = request_for(Method::post, "/events");
    coded.headers.emplace_back("content-encoding", "gzip");
    const auto match = router.route(coded);
    ASSERT_TRUE(match.answer);
    EXPECT_EQ(match.answer->status, 415);
    EXPECT_EQ(header_of(*match.answer, "Accept-Encoding"), "identity");
    EXPECT_EQ(match.stats->route(), "/events");
}

TEST_F(RouterTest, answers_the_preflight_of_listed_origins_only) {
    for (const bool listed : {true, false}) {
        auto preflight = request_for(Method::options, "/events");
        preflight.headers.emplace_back("origin", listed ? "https://app.example" : "https://evil.example");
        preflight.headers.emplace_back("access-control-request-method", "POST");
        const auto match = router.route(preflight);
        EXPECT_EQ(match.answer->status, 204);
        EXPECT_EQ(header_of(*match.answer, "Access-Control-Allow-Methods"),
                  listed ? "GET, HEAD, POST, OPTIONS" : "(none)");
        EXPECT_EQ(header_of(*match.answer, "Access-Control-Allow-Headers"),
                  listed ? "Content-Type, Last-Event-ID, Idempotency-Key, Authorization, If-Match, "
                           "traceparent, Cache-Control"
                         : "(none)");
        EXPECT_EQ(answer_header_of(preflight, "Access-Control-Allow-Credentials"),
                  listed ? "true" : "(none)");
        EXPECT_EQ(answer_header_of(preflight, "Access-Control-Allow-Origin"),
                  listed ? "https://app.example" : "(none)");
    }
}

class RouterWithoutCors : public RouterTest {
  protected:
    RouterWithoutCors() : RouterTest{std::vector<std::string>{}} {}
};

TEST_F(RouterWithoutCors, says_nothing_of_origins_and_still_refuses_foreign_writes) {
    auto request = request_for(Method::post, "/events");
    request.headers.emplace_back("origin", "https://app.example");
    EXPECT_EQ(router.route(request).answer->status, 403);
    EXPECT_TRUE(request.answer_headers.empty());
}

}  // namespace
}  // namespace stepcast::http

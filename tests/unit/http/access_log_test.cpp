#include "http/access_log.hpp"

#include <gtest/gtest.h>

#include <mutex>

#include "unit/http/raw_client.hpp"
#include "unit/http/running_server.hpp"

namespace stepcast::http {
namespace {

/// What a server told, as "address user method route status".
class Told {
  public:
    AccessLog log() {
        return [this](const Answered& answered) {
            const std::lock_guard lock{mutex_};
            lines_.push_back(std::string{answered.address} + ' ' + std::string{answered.user} + ' ' +
                             std::string{wire::method_name(answered.method)} + ' ' +
                             std::string{answered.route} + ' ' + std::to_string(answered.status));
            sane_ = sane_ && answered.seconds >= 0 && answered.seconds < 60;
        };
    }
    std::vector<std::string> lines() {
        const std::lock_guard lock{mutex_};
        EXPECT_TRUE(sane_);
        return lines_;
    }

  private:
    std::mutex mutex_;
    std::vector<std::string> lines_;
    bool sane_ = true;
};

TEST(AccessLog, is_told_of_every_answer_by_its_pattern) {
    Told told;
    ServerOptions options;
    options.access_log = told.log();
    RunningServer server{{{Method::get,
                           "/item/{id}",
                           [](Request&, Context) -> awaitable<Response> { co_return Response::json("{}"); },
                           {.access = Access::user}}},
                         options};
    server.router().hold_to(AccessPolicy{[](std::string_view token) -> result<auth::Principal> {
        return auth::Principal{.subject = std::string{token}, .anonymous = false};
    }});
    RawClient client{server.port()};
    client.ask(
        "GET /item/secret?token=secret HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ada\r\n\r\n");
    client.ask("GET /elsewhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.ask("GET /item/1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    RawClient wrong{server.port()};
    wrong.ask("nonsense\r\n\r\n");
    RawClient early{server.port()};
    early.ask(
        "POST /item/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(told.lines(),
              (std::vector<std::string>{"127.0.0.1 ada GET /item/{id} 200", "127.0.0.1  GET (none) 404",
                                        "127.0.0.1  GET /item/{id} 401", "127.0.0.1  GET (refused) 400",
                                        "127.0.0.1  POST /item/{id} 405"}));
}

}  // namespace
}  // namespace stepcast::http

#include "app/server/key_fetcher.hpp"

#include <fmt/format.h>

#include "unit/auth/vectors.hpp"
#include "unit/client/script_server.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;
using client::ScriptServer;

std::string answer(std::string_view body, int status = 200) {
    return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}
/// A set with a key of that name, and what nobody here can use.
std::string set_of(std::string_view kid) {
    return fmt::format(R"({{"keys":[{},{{"kid":"{}",{},{{"kty":"RSA","use":"sig","n":"AQAB","e":"AQAB"}}]}})",
                       auth::vectors[0].key, kid, std::string_view{auth::vectors[4].key}.substr(1));
}

class KeyFetcherTest : public testing::Test {
  protected:
    /// Fetches by the script until `done`; the names of the keys of each fetch.
    void fetch(std::vector<std::string> script, KeyFetcher::Options options,
               std::function<bool(KeyFetcher&)> done) {
        std::vector<ScriptServer::Line> lines;
        for (auto& line : script) lines.push_back({std::move(line), true});
        server.emplace(io, std::move(lines));
        options.url = server->url("/keys?v=1");
        client::run_to_end(io, [&]() -> aio::awaitable<void> {
            const auto strand = co_await asio::this_coro::executor;
            KeyFetcher fetcher{strand, std::move(options), [&](std::vector<auth::Key> keys) {
                                   std::string all;
                                   for (const auto& key : keys) all += key.id + ' ';
                                   taken.push_back(all);
                               }};
            aio::Stop stop;
            bool over = false;
            aio::spawn(strand, "fetcher", [&]() -> aio::awaitable<void> {
                co_await fetcher.run(stop);
                over = true;
            });
            while (!done(fetcher)) co_await aio::pause(1ms);
            stop.raise();
            while (!over) co_await aio::pause(1ms);
        });
    }
    std::size_t requests() const { return server->requests().size(); }

    asio::io_context io;
    std::optional<ScriptServer> server;
    std::vector<std::string> taken;
};

TEST_F(KeyFetcherTest, what_others_publish_is_taken_but_for_secrets_and_what_cannot_be_used) {
    fetch({answer(set_of("a"))}, {}, [](KeyFetcher& fetcher) { return fetcher.has_keys(); });
    EXPECT_EQ(taken, (std::vector<std::string>{"a "}));
    EXPECT_TRUE(server->requests()[0].starts_with("GET /keys?v=1 HTTP/1.1\r\n"));
}

TEST_F(KeyFetcherTest, it_is_fetched_again_at_its_interval) {
    fetch({answer(set_of("a")), answer(set_of("b"))}, {.url = {}, .refresh = 20ms},
          [&](KeyFetcher&) { return taken.size() == 2; });
    EXPECT_EQ(taken, (std::vector<std::string>{"a ", "b "}));
}

TEST_F(KeyFetcherTest, tokens_that_ask_all_the_time_have_to_wait_for_the_least_pause) {
    const auto began = std::chrono::steady_clock::now();
    fetch({answer(set_of("a")), answer(set_of("b")), answer(set_of("c"))},
          {.url = {}, .refresh = 1h, .least = 100ms}, [&](KeyFetcher& fetcher) {
              if (fetcher.has_keys()) fetcher.wanted();
              return taken.size() == 3;
          });
    EXPECT_GE(std::chrono::steady_clock::now() - began, 200ms) << "asked for all the time";
    EXPECT_EQ(requests(), 3u);
}

TEST_F(KeyFetcherTest, any_number_of_tokens_with_unknown_keys_make_one_fetch) {
    bool asked = false;
    fetch({answer(set_of("a")), answer(set_of("b")), answer(set_of("c"))},
          {.url = {}, .refresh = 1h, .least = 1ms},
          [&, end = std::optional<std::chrono::steady_clock::time_point>{}](KeyFetcher& fetcher) mutable {
              if (fetcher.has_keys() && !std::exchange(asked, true))
                  for (int i = 0; i < 1000; ++i) fetcher.wanted();
              if (taken.size() == 2 && !end) end = std::chrono::steady_clock::now() + 50ms;
              return end && std::chrono::steady_clock::now() > *end;
          });
    EXPECT_EQ(requests(), 2u) << "asked for once";
}

TEST_F(KeyFetcherTest, a_fetch_that_fails_is_tried_again_and_takes_nothing) {
    const std::string large = answer(std::string(1024 * 1024 + 1, ' '));
    fetch({answer("{}", 500), answer("no JSON"), answer(R"({"keys":[]})"), large,
           "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", answer(set_of("a"))},
          {.url = {}, .first_retry = 1ms}, [](KeyFetcher& fetcher) { return fetcher.has_keys(); });
    EXPECT_EQ(requests(), 6u);
    EXPECT_EQ(taken, (std::vector<std::string>{"a "}));
}

TEST_F(KeyFetcherTest, a_stop_cuts_a_fetch_that_gets_no_answer) {
    fetch({}, {},
          [&, rounds = 0](KeyFetcher& fetcher) mutable { return !fetcher.has_keys() && ++rounds > 20; });
    EXPECT_EQ(taken.size(), 0u);
}

}  // namespace
}  // namespace stepcast::app

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>

#include "aio/notice.hpp"
#include "app/commands/blocking.hpp"
#include "app/commands/commands.hpp"
#include "app/commands/credentials.hpp"
#include "client/http_client.hpp"

namespace stepcast::app {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// Calls one server. What goes wrong is told on stderr.
class Redriver {
  public:
    Redriver(asio::io_context& io, const RedriveOptions& options)
        : options_{options},
          authorization_{bearer(options.server.token)},
          http_{io.get_executor(), options.server.url, {}, options.server.trust} {}

    aio::awaitable<int> run() {
        auto ids = options_.ids;
        if (ids.empty()) {
            const auto letters = co_await list();
            if (!letters) co_return 1;
            for (const auto& letter : *letters) {
                if (options_.all)
                    ids.emplace_back(letter.at("id").as_string());
                else
                    fmt::print("{}\n", json::serialize(letter));
            }
        }
        bool fine = true;
        for (const auto& id : ids) fine = co_await hand_over(id) && fine;
        co_return fine ? 0 : 1;
    }

  private:
    std::string target(std::string_view rest) const {
        return options_.server.url.target_of(fmt::format("/api/dead-letters{}", rest));
    }
    // The answer's JSON; nothing, and a line on stderr, if it is none of those wanted.
    aio::awaitable<std::optional<json::value>> ask(std::string target, bool post, int wanted) {
        const auto answer = post ? co_await http_.post(target, "", "application/json", authorization_)
                                 : co_await http_.get(target, authorization_);
        if (answer && answer->status == wanted) {
            boost::system::error_code error;
            auto value = json::parse(answer->body, error);
            if (!error) co_return value;
        }
        fmt::print(stderr, "stepcast redrive: {}\n",
                   answer ? fmt::format("{}: {}", answer->status, answer->body) : answer.error().text());
        co_return std::nullopt;
    }
    aio::awaitable<std::optional<std::vector<json::object>>> list() {
        constexpr std::size_t page = 1000;
        std::vector<json::object> letters;
        std::string after = "0";
        while (true) {
            const auto found =
                co_await ask(target(fmt::format("?limit={}&after={}", page, after)), false, 200);
            if (!found || !found->is_array()) co_return std::nullopt;
            for (const auto& letter : found->get_array()) letters.push_back(letter.as_object());
            if (found->get_array().size() < page) co_return letters;
            after = letters.back().at("id").as_string();
        }
    }
    // One that was handled along with another of its key is handled, too.
    aio::awaitable<bool> hand_over(const std::string& id) {
        const auto its = target("/" + client::percent_encode(id));
        auto letter = co_await ask(its, false, 200);
        if (letter && status(*letter) == "PARKED") {
            if (!co_await ask(its + "/redrive", true, 202)) co_return false;
            letter = co_await ask(its, false, 200);
        }
        while (letter && status(*letter) == "REDRIVING") {
            co_await aio::pause(100ms);
            letter = co_await ask(its, false, 200);
        }
        if (!letter) co_return false;
        fmt::print("{}\n", json::serialize(*letter));
        std::fflush(stdout);
        co_return status(*letter) == "HANDLED";
    }
    static std::string_view status(const json::value& letter) {
        const auto* text = letter.is_object() ? letter.get_object().if_contains("status") : nullptr;
        return text != nullptr && text->is_string() ? std::string_view{text->get_string()} : "";
    }

    const RedriveOptions& options_;
    const client::Headers authorization_;
    client::HttpClient http_;
};

}  // namespace

int redrive(const RedriveOptions& options) {
    asio::io_context io;
    Redriver redriver{io, options};
    return run_blocking<int>(io, [&] { return redriver.run(); });
}

}  // namespace stepcast::app

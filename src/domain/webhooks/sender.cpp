#include "domain/webhooks/sender.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <asio/experimental/awaitable_operators.hpp>

#include "aio/offload.hpp"
#include "aio/spawn.hpp"
#include "base/text.hpp"
#include "client/errc.hpp"
#include "client/http_client.hpp"
#include "domain/webhooks/addresses.hpp"

namespace stepcast::webhooks {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

constexpr std::size_t longest_answer = 64 * 1024;
constexpr auto look_every = 1s;

std::filesystem::file_time_type changed_at(const std::string& path) {
    std::error_code error;
    return std::filesystem::last_write_time(path, error);
}

Duration retry_after(const client::Answer& answer) {
    const auto header = answer.header("retry-after");
    const auto seconds = header ? parse_number<std::uint32_t>(*header) : std::nullopt;
    return std::chrono::seconds{seconds.value_or(0)};
}

}  // namespace

Sender::Sender(asio::io_context& io, asio::thread_pool& files, const Options& options, const Clock& clock)
    : options_{options},
      clock_{clock},
      strand_{asio::make_strand(io)},
      files_{files},
      secrets_{options.secrets},
      changed_{changed_at(options.secret_file)} {}

awaitable<std::optional<Sender::Answer>> Sender::send(std::string id, std::string body, aio::Stop& stop) {
    return aio::run_on(strand_, [this, id = std::move(id), body = std::move(body), &stop] {
        return attempt(id, body, stop);
    });
}

awaitable<std::optional<Sender::Answer>> Sender::attempt(std::string id, std::string body, aio::Stop& stop) {
    using namespace asio::experimental::awaitable_operators;
    co_await follow_secrets();
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
    client::Headers headers{{"User-Agent", "stepcast"},
                            {"Connection", "close"},
                            {"webhook-id", id},
                            {"webhook-timestamp", std::to_string(now)},
                            {"webhook-signature", secrets_.sign(id, now, body)}};
    client::HttpClient http{strand_,
                            options_.url,
                            {.connect = options_.timeout, .answer = options_.timeout, .body = longest_answer},
                            options_.trust,
                            options_.allow_private ? nullptr : is_public};
    auto first =
        co_await (http.post(options_.url.target, std::move(body), "application/json", std::move(headers)) ||
                  stop.pause(options_.timeout));
    if (first.index() == 1 && stop.raised()) co_return std::nullopt;
    // The client's clock and this one end at the same moment.
    const bool late = first.index() == 1 ||
                      (!std::get<0>(first) && std::get<0>(first).error().code == client::errc::timed_out);
    if (late)
        co_return Answer{
            fail(errc::refused, {}, fmt::format("no answer within {}", format_duration(options_.timeout)))};
    const auto& answer = std::get<0>(first);
    if (!answer) co_return Answer{fail(errc::refused, {}, answer.error().text())};
    if (answer->ok()) co_return Answer{result<void>{}};
    const bool elsewhere = answer->status >= 300 && answer->status < 400;
    co_return Answer{
        fail(errc::refused, {},
             fmt::format("answered {}{}", answer->status, elsewhere ? "; nothing is followed" : "")),
        retry_after(*answer)};
}

// What cannot be read leaves the secrets as they were.
awaitable<void> Sender::follow_secrets() {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_ < look_every) co_return;
    looked_ = now;
    struct Read {
        std::filesystem::file_time_type changed;
        std::optional<result<Secrets>> secrets;
    };
    auto read = co_await aio::offload(files_, [path = options_.secret_file, known = changed_] {
        Read found{changed_at(path), std::nullopt};
        if (found.changed != known) found.secrets = Secrets::read(path);
        return found;
    });
    if (!read.secrets) co_return;
    changed_ = read.changed;
    if (*read.secrets) {
        secrets_ = std::move(**read.secrets);
        spdlog::info("read the secrets of webhook {} again", options_.name);
    } else {
        spdlog::error("webhook {}: {}; its secrets from before stay", options_.name,
                      read.secrets->error().detail);
    }
}

}  // namespace stepcast::webhooks

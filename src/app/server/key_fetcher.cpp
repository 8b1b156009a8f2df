#include "app/server/key_fetcher.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <asio/post.hpp>

#include "aio/unless.hpp"
#include "auth/errc.hpp"
#include "auth/jwk.hpp"
#include "base/random.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;
using auth::Key;
using Steady = std::chrono::steady_clock;

constexpr client::HttpLimits limits{.connect = 5s, .answer = 10s, .body = 1024 * 1024};
constexpr std::size_t most_keys = 256;
constexpr auto longest_retry = 60s;

}  // namespace

result<KeyFetcher::Options> KeyFetcher::options_of(const Config& all) {
    const auto& config = all.auth;
    auto url = client::parse_url(config.jwks_url);
    if (!url) return tl::unexpected{std::move(url.error())};
    Options options{.url = std::move(*url),
                    .refresh = std::chrono::duration_cast<std::chrono::milliseconds>(config.jwks_refresh)};
    if (!options.url.secure) return options;
    auto trust = config.jwks_ca.empty() ? aio::TlsTrust::of_system() : aio::TlsTrust::of_file(config.jwks_ca);
    if (!trust) return fail(trust.error().code, "auth.jwks_ca", trust.error().detail);
    options.trust = std::move(*trust);
    return options;
}

KeyFetcher::KeyFetcher(const asio::any_io_executor& strand, Options options, Take take)
    : strand_{strand},
      options_{std::move(options)},
      take_{std::move(take)},
      http_{strand_, options_.url, limits, options_.trust},
      notice_{strand_},
      retries_{options_.first_retry, longest_retry} {}

aio::awaitable<void> KeyFetcher::run(aio::Stop& stop) {
    while (!stop.raised()) {
        wanted_ = false;  // whoever asks from here on may have missed this one
        auto fetched = co_await aio::unless(stop, fetch());
        if (!fetched) co_return;
        if (*fetched) {
            take_(std::move(**fetched));
            if (!has_keys_.exchange(true))
                spdlog::info("fetched the keys of tokens from {}", options_.url.authority());
            retries_.reset();
        } else {
            spdlog::warn("auth.jwks_url: {}; {}", fetched->error().detail,
                         has_keys_ ? "the keys from before stay" : "tokens cannot be judged yet");
        }
        co_await pause(stop, fetched->has_value());
    }
}

// Behind a fetch that failed nobody's wish makes the next one come earlier.
aio::awaitable<void> KeyFetcher::pause(aio::Stop& stop, bool fetched) {
    if (!fetched) {
        co_await stop.pause(retries_.next());
        co_return;
    }
    const std::chrono::milliseconds chance{random_u64() % (options_.refresh.count() / 10 + 1)};
    const auto end = Steady::now() + options_.refresh - chance;
    co_await stop.pause(std::min(options_.least, options_.refresh - chance));
    while (!wanted_ && !stop.raised() && Steady::now() < end)
        co_await aio::unless(stop, notice_.wait(end - Steady::now()));
}

void KeyFetcher::wanted() {
    if (wanted_.load(std::memory_order_relaxed) || wanted_.exchange(true)) return;
    asio::post(strand_, [this] { notice_.notify(); });
}

// A connection for each: the next one is minutes away.
aio::awaitable<result<std::vector<Key>>> KeyFetcher::fetch() {
    using auth::errc;
    const auto answer =
        co_await http_.get(options_.url.target, {{"Accept", "application/json"}, {"Connection", "close"}});
    http_.close();
    if (!answer) co_return fail(answer.error().code, {}, answer.error().detail);
    if (answer->status != 200)
        co_return fail(errc::bad_file, {},
                       fmt::format("{} answered {}", options_.url.authority(), answer->status));
    auto keys = auth::parse_fetched_jwks(answer->body);
    if (!keys)
        co_return fail(errc::bad_file, {},
                       fmt::format("what {} answered: {}", options_.url.authority(), keys.error().detail));
    if (keys->size() > most_keys)
        co_return fail(errc::bad_file, {},
                       fmt::format("{} has more than {} keys", options_.url.authority(), most_keys));
    co_return std::move(*keys);
}

}  // namespace stepcast::app

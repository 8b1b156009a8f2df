#include "app/server/tokens.hpp"

#include <spdlog/spdlog.h>

#include <asio/experimental/awaitable_operators.hpp>

#include "aio/spawn.hpp"
#include "app/config/auth_config.hpp"
#include "auth/errc.hpp"

namespace stepcast::app {
namespace {

/// Of keys that are still to come: that the token's is unknown says nothing.
bool may_be_of_those(const std::error_code& code) {
    return code == auth::errc::unknown_key || code == auth::errc::algorithm || code == auth::errc::signature;
}

}  // namespace

result<std::unique_ptr<Tokens>> Tokens::open(asio::io_context& io, const Config& config, const Clock& clock) {
    auto verifier = auth::Verifier::open(auth_settings(config));
    if (!verifier) return tl::unexpected{std::move(verifier.error())};
    std::unique_ptr<Tokens> tokens{new Tokens{std::move(*verifier), clock}};
    if (config.auth.jwks_url.empty()) return tokens;
    auto options = KeyFetcher::options_of(config);
    if (!options) return tl::unexpected{std::move(options.error())};
    tokens->fetcher_ = std::make_unique<KeyFetcher>(
        asio::make_strand(io), std::move(*options),
        [&verifier = *tokens->verifier_](auto keys) { verifier.take_fetched(std::move(keys)); });
    return tokens;
}

http::AccessPolicy Tokens::policy() {
    return http::AccessPolicy{[this](std::string_view token) { return verify(token); }};
}

result<auth::Principal> Tokens::verify(std::string_view token) {
    auto proven = verifier_->verify(token, clock_.now());
    if (proven) return proven;
    if (fetcher_ && !auth::is_publisher_key(token)) {
        if (!fetcher_->has_keys() && may_be_of_those(proven.error().code))
            proven = fail(auth::errc::unavailable, {}, "the keys to judge tokens by cannot be fetched yet");
        else if (proven.error().code == auth::errc::unknown_key)
            fetcher_->wanted();
    }
    failures_.count(proven.error().code);
    return proven;
}

aio::awaitable<void> Tokens::follow(aio::Stop& stop) {
    using namespace asio::experimental::awaitable_operators;
    if (fetcher_)
        co_await (files_.watch(stop) && aio::run_on(fetcher_->strand(), [&] { return fetcher_->run(stop); }));
    else
        co_await files_.watch(stop);
}

// What is wrong with a file is told, and what holds all the same.
bool Tokens::read_files(bool only_if_changed) {
    std::optional<std::vector<auth::Problem>> problems;
    if (only_if_changed)
        problems = verifier_->refresh();
    else
        problems = verifier_->reload();
    if (!problems) return false;
    for (const auto& problem : *problems) spdlog::error("{}; {}", problem.what, problem.then);
    return true;
}

}  // namespace stepcast::app

#include "app/server/tokens.hpp"

#include <spdlog/spdlog.h>

#include <asio/post.hpp>

#include "aio/offload.hpp"
#include "app/config/auth_config.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 2s;

}  // namespace

result<std::unique_ptr<Tokens>> Tokens::open(const Config& config, const Clock& clock) {
    auto verifier = auth::Verifier::open(auth_settings(config));
    if (!verifier) return tl::unexpected{std::move(verifier.error())};
    return std::unique_ptr<Tokens>{new Tokens{std::move(*verifier), clock}};
}

http::AccessPolicy Tokens::policy() {
    return http::AccessPolicy{
        [this](std::string_view token) { return verifier_->verify(token, clock_.now()); }};
}

aio::awaitable<void> Tokens::watch(aio::Stop& stop) {
    while (co_await stop.pause(look_every))
        tell(co_await aio::offload(files_, [this] { return verifier_->refresh(); }));
}

void Tokens::reload() {
    asio::post(files_, [this] { tell(verifier_->reload().map([] { return true; })); });
}

void Tokens::tell(const result<bool>& read) const {
    if (!read)
        spdlog::error("the old keys stay: {}", read.error().text());
    else if (*read)
        spdlog::info("read the keys of tokens again");
}

}  // namespace stepcast::app

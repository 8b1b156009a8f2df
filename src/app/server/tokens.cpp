#include "app/server/tokens.hpp"

#include "app/config/auth_config.hpp"

namespace stepcast::app {

result<std::unique_ptr<Tokens>> Tokens::open(const Config& config, const Clock& clock) {
    auto verifier = auth::Verifier::open(auth_settings(config));
    if (!verifier) return tl::unexpected{std::move(verifier.error())};
    return std::unique_ptr<Tokens>{new Tokens{std::move(*verifier), clock}};
}

http::AccessPolicy Tokens::policy() {
    return http::AccessPolicy{
        [this](std::string_view token) { return verifier_->verify(token, clock_.now()); }};
}

}  // namespace stepcast::app

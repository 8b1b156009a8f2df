#include "app/server/tokens.hpp"

#include <spdlog/spdlog.h>

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

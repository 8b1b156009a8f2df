#include "app/config/auth_config.hpp"

namespace stepcast::app {

auth::Settings auth_settings(const Config& config) {
    const auto& own = config.auth;
    return {.keys = own.keys,
            .publisher_keys = own.publisher_keys,
            .fetches = !own.jwks_url.empty(),
            .issuers = own.issuers,
            .audiences = own.audiences,
            .subject_claim = own.subject_claim,
            .scope_claim = own.scope_claim,
            .audience_claim = own.audience_claim,
            .publish_scope = own.publish_scope,
            .admin_scope = own.admin_scope,
            .leeway = own.leeway};
}

}  // namespace stepcast::app

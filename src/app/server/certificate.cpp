#include "app/server/certificate.hpp"

#include "auth/key_files.hpp"

namespace stepcast::app {

std::uint64_t Certificate::stamp() const {
    return auth::stamp_files({settings_.tls_cert, settings_.tls_key});
}

result<void> Certificate::load() {
    loaded_ = stamp();  // before the reading: a change in between is found by the next look
    auto certificate = aio::TlsCertificate::load(settings_.tls_cert, settings_.tls_key);
    if (!certificate) return tl::unexpected{certificate.error()};
    server_.secure(std::move(*certificate));
    return {};
}

}  // namespace stepcast::app

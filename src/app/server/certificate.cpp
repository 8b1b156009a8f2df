#include "app/server/certificate.hpp"

#include <spdlog/spdlog.h>

namespace stepcast::app {

using namespace std::chrono_literals;

Certificate::Versions Certificate::look() const {
    Versions versions;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        struct stat found{};
        if (::stat((i == 0 ? settings_.tls_cert : settings_.tls_key).c_str(), &found) != 0) continue;
        versions[i] = {found.st_ino, found.st_size,
                       found.st_mtim.tv_sec * 1'000'000'000LL + found.st_mtim.tv_nsec};
    }
    return versions;
}

result<void> Certificate::load() {
    loaded_ = look();  // before the reading: a change in between is found by the next look
    auto certificate = aio::TlsCertificate::load(settings_.tls_cert, settings_.tls_key);
    if (!certificate) return tl::unexpected{certificate.error()};
    server_.secure(std::move(*certificate));
    return {};
}

awaitable<void> Certificate::watch(aio::Stop& stop) {
    while (co_await stop.pause(1s)) {
        if (look() != loaded_) reload();
    }
}

void Certificate::reload() {
    if (const auto read = load())
        spdlog::info("the certificate of {} holds from here on", settings_.tls_cert);
    else
        spdlog::error("{}; the certificate from before stays", read.error().text());
}

}  // namespace stepcast::app

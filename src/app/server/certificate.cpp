#include "app/server/certificate.hpp"

#include <spdlog/spdlog.h>

#include <asio/post.hpp>

#include "aio/offload.hpp"
#include "auth/key_files.hpp"

namespace stepcast::app {

using namespace std::chrono_literals;

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

awaitable<void> Certificate::watch(aio::Stop& stop) {
    while (co_await stop.pause(1s)) {
        const bool changed = co_await aio::offload(files_, [this] { return stamp() != loaded_; });
        if (changed) reload();
    }
}

void Certificate::reload() {
    asio::post(files_, [this] { replace(); });
}

void Certificate::replace() {
    if (const auto read = load())
        spdlog::info("the certificate of {} holds from here on", settings_.tls_cert);
    else
        spdlog::error("{}; the certificate from before stays", read.error().text());
}

}  // namespace stepcast::app

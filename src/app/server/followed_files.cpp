#include "app/server/followed_files.hpp"

#include <spdlog/spdlog.h>

#include <asio/post.hpp>

namespace stepcast::app {

using namespace std::chrono_literals;

aio::awaitable<void> FollowedFiles::watch(aio::Stop& stop) {
    while (co_await stop.pause(1s)) asio::post(thread_, [this] { read(true); });
}

void FollowedFiles::reload() {
    asio::post(thread_, [this] { read(false); });
}

void FollowedFiles::read(bool only_if_changed) {
    const auto done = read_(only_if_changed);
    if (!done)
        spdlog::error("{}; {} from before stay", done.error().text(), what_);
    else if (*done)
        spdlog::info("read {} again", what_);
}

}  // namespace stepcast::app

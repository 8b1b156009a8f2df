#include "domain/shop/errands.hpp"

#include <spdlog/spdlog.h>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"

namespace stepcast::shop {

using namespace std::chrono_literals;

Errands::Errands(const domain::Parts& parts, Options options, Step step)
    : parts_{parts}, options_{std::move(options)}, step_{std::move(step)}, gate_{parts.core} {}

void Errands::start() {
    aio::spawn_critical(parts_.core, "errands", [this, hold = gate_.enter()] { return watch(); });
}

aio::awaitable<void> Errands::stop() {
    stop_.raise();
    co_await gate_.close();
}

store::Timer Errands::timer(const std::string& id, Timestamp due) const {
    return {timer_id(id), due, options_.kind, id};
}

std::string Errands::timer_id(const std::string& id) const {
    return options_.kind + ' ' + id;
}

aio::awaitable<void> Errands::watch() {
    bool first = options_.all_at_start;
    while (!stop_.raised()) {
        const auto looked = co_await look(first ? Timestamp::max() : parts_.clock.now());
        if (!looked) spdlog::warn("{} waits for the store: {}", options_.kind, looked.error().text());
        first = first && !looked;
        co_await stop_.pause(options_.look);
    }
}

aio::awaitable<result<void>> Errands::look(Timestamp until) {
    const auto due = co_await parts_.store.due(until, SIZE_MAX);
    if (!due) co_return tl::unexpected{due.error()};
    for (const auto& timer : *due)
        if (timer.kind == options_.kind) go_on(timer.payload);
    co_return result<void>{};
}

void Errands::go_on(const std::string& id) {
    if (stop_.raised()) return;
    if (const auto known = under_way_.find(id); known != under_way_.end()) {
        known->second = true;
        return;
    }
    if (under_way_.size() >= options_.max_at_once) return;
    under_way_.emplace(id, false);
    aio::spawn_critical(parts_.core, "errand", [this, id, hold = gate_.enter()] { return work(id); });
}

aio::awaitable<void> Errands::work(std::string id) {
    aio::Backoff backoff{50ms, 5s};
    while (!stop_.raised()) {
        under_way_[id] = false;
        const auto more = co_await step_(id);
        if (more && !*more && !under_way_[id]) break;
        if (more) {
            backoff.reset();
            continue;
        }
        spdlog::warn("{} {} waits: {}", options_.kind, id, more.error().text());
        if (!co_await stop_.pause(backoff.next())) break;
    }
    under_way_.erase(id);
}

}  // namespace stepcast::shop

#include "domain/shop/catalogue.hpp"

#include <spdlog/spdlog.h>

namespace stepcast::shop {

std::span<const event::Category* const> Catalogue::categories() const {
    static constexpr std::array<const event::Category*, 1> all{&stock_category};
    return all;
}

aio::awaitable<void> Catalogue::apply(std::span<const event::EventRef> events, event::Position) {
    for (const auto& event : events) {
        if (const auto read = decode_stock(*event)) {
            evolve(stock_, *read);
            continue;
        }
        skipped_.fetch_add(1, std::memory_order_relaxed);
        spdlog::error("event {} of the stock cannot be read: products are wrong without it",
                      event->version());
    }
    co_return;
}

}  // namespace stepcast::shop

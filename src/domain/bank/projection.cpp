#include "domain/bank/projection.hpp"

#include <spdlog/spdlog.h>

#include "domain/bank/aggregate.hpp"

namespace stepcast::bank {

std::span<const event::Category* const> AccountProjection::categories() const {
    static constexpr std::array<const event::Category*, 1> all{&category};
    return all;
}

aio::awaitable<void> AccountProjection::apply(std::span<const event::EventRef> events,
                                              event::Position through) {
    for (const auto& event : events) {
        if (snapshots_ != nullptr && event->version() == 1) co_await begin(event->stream_id());
        if (beside_ && !beside_->apply(*event)) beside_.reset();
        if (ledger_.apply(*event)) continue;
        skipped_.fetch_add(1, std::memory_order_relaxed);
        spdlog::error("event {} of account {} cannot be read: balances are wrong without it",
                      event->version(), event->stream_id());
    }
    applied_ = through;
}

// Without one that can be used its events are folded from the first on.
aio::awaitable<void> AccountProjection::begin(std::string_view id) {
    const auto saved = co_await snapshots_->load_snapshot(id);
    if (saved && saved->version != 0 && ledger_.find(id) == nullptr)
        ledger_.put(id, of(*saved->state).account(), saved->version);
}

Ledger AccountProjection::take_over() {
    std::swap(ledger_, *beside_);
    Ledger old = std::move(*beside_);
    beside_.reset();
    skipped_ = 0;
    return old;
}

void AccountProjection::reset() {
    beside_.reset();
    ledger_.clear();
    applied_ = 0;
    skipped_ = 0;
}

}  // namespace stepcast::bank

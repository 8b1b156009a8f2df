#include "domain/bank/projection.hpp"

#include <spdlog/spdlog.h>

#include "domain/bank/aggregate.hpp"

namespace stepcast::bank {

std::span<const event::Category* const> AccountProjection::categories() const {
    static constexpr std::array<const event::Category*, 1> all{&category};
    return all;
}

std::vector<store::SnapshotKind> AccountProjection::begins_at() const {
    if (snapshots_ == nullptr) return {};
    return {{snapshots_->kind().category, snapshots_->kind().schema}};
}

aio::awaitable<void> AccountProjection::apply(std::span<const event::EventRef> events,
                                              event::Position through) {
    for (const auto& event : events) {
        if (snapshots_ != nullptr && ledger_.find(event->stream_id()) == nullptr) co_await begin(*event);
        if (beside_ && !beside_->apply(*event)) beside_.reset();
        if (!ledger_.apply(*event)) skip(*event);
    }
    applied_ = through;
}

// Where the newest one cannot be used, what the feed passed over for it is read from the store.
aio::awaitable<void> AccountProjection::begin(const event::Event& first) {
    const auto below = first.version() - 1;
    auto begun = co_await snapshots_->load_snapshot(first.stream_id());
    if (begun && begun->version < below) begun = co_await snapshots_->load(first.stream_id(), below);
    if (!begun || begun->version < below || of(*begun->state).broken()) skip(first);
    if (begun && begun->version != 0)
        ledger_.put(first.stream_id(), of(*begun->state).account(), begun->version);
}

void AccountProjection::skip(const event::Event& event) {
    skipped_.fetch_add(1, std::memory_order_relaxed);
    spdlog::error("event {} of account {} cannot be read: balances are wrong without it", event.version(),
                  event.stream_id());
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

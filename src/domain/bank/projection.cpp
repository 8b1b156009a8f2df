#include "domain/bank/projection.hpp"

#include <spdlog/spdlog.h>

#include "domain/bank/aggregate.hpp"

namespace stepcast::bank {

namespace {

void log_unread(const event::Event& event) {
    spdlog::error("event {} of account {} cannot be read: balances are wrong without it", event.version(),
                  event.stream_id());
}

}  // namespace

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
        if (snapshots_ != nullptr && ledger().find(event->stream_id()) == nullptr) co_await begin(*event);
        if (!accounts_.apply(*event)) log_unread(*event);
    }
    accounts_.pass(through);
}

// Where the newest one cannot be used, what the feed passed over for it is read from the store.
aio::awaitable<void> AccountProjection::begin(const event::Event& first) {
    const auto below = first.version() - 1;
    auto begun = co_await snapshots_->load_snapshot(first.stream_id());
    if (begun && begun->version < below) begun = co_await snapshots_->load(first.stream_id(), below);
    if (!begun || begun->version < below || of(*begun->state).broken()) {
        accounts_.lack();
        log_unread(first);
    }
    if (begun && begun->version != 0)
        accounts_.state().put(first.stream_id(), of(*begun->state).account(), begun->version);
}

}  // namespace stepcast::bank

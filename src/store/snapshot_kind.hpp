#pragma once
#include <cstdint>

#include "event/event.hpp"

namespace stepcast::store {

/// Snapshots of one category's streams, under one version of their state's layout.
struct SnapshotKind {
    const event::Category* category = nullptr;
    std::uint32_t schema = 0;

    friend bool operator==(const SnapshotKind&, const SnapshotKind&) = default;
};

}  // namespace stepcast::store

#pragma once
#include "domain/module.hpp"
#include "domain/topics/trace_index.hpp"

namespace stepcast::topics {

struct Settings {
    bool traces = false;
    TraceIndex::Options index{};
    std::vector<const event::Category*> categories{};  ///< whose events are part of traces
    /// Snapshots below which a start need not read: what is older than traces are kept is of no use to them.
    std::vector<store::SnapshotKind> begins_at{};
};

/// Shows operators the topics of all modules, and what one request caused. Stores nothing.
domain::ModuleSpec module_spec(Settings settings);

}  // namespace stepcast::topics

#pragma once
#include "domain/module.hpp"
#include "domain/topics/trace_index.hpp"

namespace stepcast::topics {

struct Settings {
    bool traces = false;
    TraceIndex::Options index{};
    std::vector<const event::Category*> categories{};  ///< whose events are part of traces
};

/// Shows operators the topics of all modules, and what one request caused. Stores nothing.
domain::ModuleSpec module_spec(Settings settings);

}  // namespace stepcast::topics

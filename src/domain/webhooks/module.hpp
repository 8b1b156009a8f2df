#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "domain/module.hpp"
#include "domain/webhooks/sender.hpp"

namespace stepcast::webhooks {

/// Is called, on the core strand, for each task that has stalled, with the version that it stands at.
using Stalls = std::function<void(std::string_view task, event::Version version)>;

struct Settings {
    std::vector<Options> webhooks;
    const event::Category* category;  ///< whose streams are the tasks
    /// The module puts a function there while it lives; whoever notices stalls calls it.
    std::shared_ptr<Stalls> stalls;
};

/// Tells receivers by HTTP what becomes of tasks.
domain::ModuleSpec module_spec(Settings settings);

}  // namespace stepcast::webhooks

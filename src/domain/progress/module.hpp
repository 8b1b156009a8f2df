#pragma once
#include <optional>

#include "domain/module.hpp"
#include "domain/progress/ingest.hpp"
#include "domain/progress/orders.hpp"
#include "domain/progress/service.hpp"

namespace stepcast::progress {

/// What the module's parts are told of the settings.
struct Settings {
    Options service;
    ProgressIngest::Options ingest;
    std::optional<OrderConsumer::Options> orders{};  ///< absent: nobody can order
};

domain::ModuleSpec module_spec(Settings settings);

}  // namespace stepcast::progress

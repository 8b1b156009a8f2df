#pragma once
#include <optional>

#include "domain/module.hpp"
#include "domain/shop/services.hpp"

namespace stepcast::shop {

/// Without settings the shop is closed: what is stored of it is read, and nothing is served.
domain::ModuleSpec module_spec(std::optional<Settings> settings);

}  // namespace stepcast::shop

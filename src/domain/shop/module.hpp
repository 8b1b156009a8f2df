#pragma once
#include "domain/module.hpp"

namespace stepcast::shop {

domain::ModuleSpec module_spec();

}  // namespace stepcast::shop

#pragma once
#include "domain/module.hpp"

namespace stepcast::counter {

/// A domain that lives in tests only: counters that are raised by POST and watched as streams. Everything of
/// it stands in this folder.
domain::ModuleSpec module_spec();

}  // namespace stepcast::counter

#pragma once
#include "domain/bank/accounts.hpp"

namespace stepcast::bank {

domain::ModuleSpec module_spec(Accounts::Options options);

}  // namespace stepcast::bank

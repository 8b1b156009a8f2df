#pragma once
#include "domain/bank/transfers.hpp"

namespace stepcast::bank {

domain::ModuleSpec module_spec(Accounts::Options accounts, Transfers::Options transfers);

}  // namespace stepcast::bank

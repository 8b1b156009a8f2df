#pragma once
#include <optional>

#include "domain/module.hpp"
#include "domain/shop/notifications.hpp"
#include "domain/shop/orders.hpp"
#include "domain/shop/payments.hpp"

namespace stepcast::shop {

struct Settings {
    Orders::Options orders{};
    Payments::Options payments{};
    Notifications::Options notifications{};
};

/// Without settings the shop is closed: what is stored of it is read, and nothing is served.
domain::ModuleSpec module_spec(std::optional<Settings> settings);

}  // namespace stepcast::shop

#pragma once
#include "domain/shop/listener.hpp"
#include "domain/shop/notifications.hpp"
#include "domain/shop/orchestrator.hpp"
#include "domain/shop/payments.hpp"
#include "domain/shop/products.hpp"

namespace stepcast::shop {

struct Settings {
    Orders::Options orders{};
    OrderSagaOrchestrator::Options orchestrator{};
    Payments::Options payments{};
    Notifications::Options notifications{};
};

/// One topic that one service hears, and what it does then.
struct Hearing {
    std::string_view service;
    std::string_view topic;  ///< without the prefix
    Listener::Read read;
};

// What each service hears. The services outlive what they are given.
void hear_orders(std::vector<Hearing>& all, Orders& orders, OrderSagaOrchestrator& orchestrator);
void hear_products(std::vector<Hearing>& all, Products& products);
void hear_payments(std::vector<Hearing>& all, Payments& payments);
void hear_notifications(std::vector<Hearing>& all, Notifications& notifications);

}  // namespace stepcast::shop

#pragma once
#include "domain/shop/carts.hpp"
#include "domain/shop/http_provider.hpp"
#include "domain/shop/listener.hpp"
#include "domain/shop/notifications.hpp"
#include "domain/shop/orchestrator.hpp"
#include "domain/shop/payments.hpp"
#include "domain/shop/product_replica.hpp"
#include "domain/shop/products.hpp"

namespace stepcast::shop {

/// What `shop.services` may hold.
inline constexpr std::array<std::string_view, 4> service_names{"order", "product", "payment", "notification"};

struct Settings {
    std::vector<std::string> services{service_names.begin(), service_names.end()};  ///< that run here
    Orders::Options orders{};
    OrderSagaOrchestrator::Options orchestrator{};
    Payments::Options payments{};
    std::optional<HttpProvider::Options> provider{};  ///< none: the simulator
    Notifications::Options notifications{};
};

/// The services that run in a process: null where one runs in another.
struct Services {
    Services(const domain::Parts& parts, Catalogue& catalogue, const Mailboxes& mailboxes,
             const Settings& settings);

    void start();
    bool subscribed() const;
    /// After Committer::stop.
    aio::awaitable<void> stop();

    const aio::Strand core;
    std::unique_ptr<PaymentProvider> provider{};
    std::unique_ptr<Orders> orders{};
    std::unique_ptr<Carts> carts{};
    std::unique_ptr<OrderSagaOrchestrator> orchestrator{};
    std::unique_ptr<Products> products{};
    std::unique_ptr<Payments> payments{};
    std::unique_ptr<Notifications> notifications{};
    std::unique_ptr<ProductReplica> replica{};           ///< of orders without products
    std::vector<std::unique_ptr<Listener>> listeners{};  // last: they call what stands above
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

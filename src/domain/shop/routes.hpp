#pragma once
#include <vector>

#include "domain/shop/notifications.hpp"
#include "domain/shop/orders.hpp"
#include "domain/shop/products.hpp"
#include "http/route.hpp"

namespace stepcast::shop {

/// The rows of the endpoint table for the services that run here; null: one does not. What they stand on
/// outlives the server.
std::vector<http::Route> shop_routes(Orders* orders, Products* products, Notifications* notifications,
                                     const Catalogue& catalogue, const domain::Parts& parts);

}  // namespace stepcast::shop

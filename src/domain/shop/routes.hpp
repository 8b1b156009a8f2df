#pragma once
#include <vector>

#include "domain/shop/order_list.hpp"
#include "domain/shop/orders.hpp"
#include "domain/shop/products.hpp"
#include "http/route.hpp"

namespace stepcast::shop {

/// The rows of the endpoint table for products and orders, of the services that run here; null: one does not.
/// What they stand on outlives the server.
std::vector<http::Route> shop_routes(Orders* orders, Products* products, const Catalogue& catalogue,
                                     const OrderList& list, const domain::Parts& parts);

}  // namespace stepcast::shop

#pragma once
#include <vector>

#include "domain/shop/carts.hpp"
#include "http/route.hpp"

namespace stepcast::shop {

/// The rows of the endpoint table for carts. What they stand on outlives the server.
std::vector<http::Route> cart_routes(Carts& carts, const domain::Parts& parts);

}  // namespace stepcast::shop

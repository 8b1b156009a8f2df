#pragma once
#include <vector>

#include "domain/shop/notifications.hpp"
#include "http/route.hpp"

namespace stepcast::shop {

/// The rows of the endpoint table for notifications. What they stand on outlives the server.
std::vector<http::Route> notification_routes(Notifications& notifications, const domain::Parts& parts);

}  // namespace stepcast::shop

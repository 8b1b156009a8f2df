#pragma once
#include <vector>

#include "domain/bank/transfers.hpp"
#include "http/route.hpp"

namespace stepcast::bank {

/// Every call under /api/transfers. What they stand on outlives the server.
std::vector<http::Route> transfer_routes(Transfers& transfers);

/// Begins a transfer that a request asks for. With an Idempotency-Key and no id the id is made from the key.
awaitable<http::Response> begin_transfer(Transfers& transfers, const http::Request& request,
                                         SentTransfer sent);

}  // namespace stepcast::bank

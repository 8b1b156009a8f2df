#pragma once
#include <vector>

#include "domain/bank/transfers.hpp"
#include "http/route.hpp"

namespace stepcast::bank {

/// Every call under /api/accounts. What they stand on outlives the server.
std::vector<http::Route> account_routes(Accounts& accounts, Transfers& transfers, flow::FeedHub& hub,
                                        const aio::Strand& core);

}  // namespace stepcast::bank

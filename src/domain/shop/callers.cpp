#include "domain/shop/callers.hpp"

#include <fmt/format.h>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "domain/shop/order.hpp"
#include "event/ids.hpp"
#include "http/access.hpp"

namespace stepcast::shop {

using http::Request;
using http::Response;

namespace {

result<std::string, Response> named(const Request& request, std::string user) {
    if (user.empty()) user = http::user_named(request);
    if (user.empty()) user = "guest";
    if (const auto fault = event::fault_of_id(user); !fault.empty())
        return tl::unexpected{Response::invalid_field("userId", fault)};
    return user;
}

}  // namespace

bool sees_all(const Request& request) {
    return request.principal.anonymous || request.principal.scopes.admin;
}

result<std::string, Response> customer_of(const Request& request, std::string sent) {
    auto user = named(request, std::move(sent));
    if (user)
        if (auto refusal = http::refuse_sender(request, *user, "userId"))
            return tl::unexpected{std::move(*refusal)};
    return user;
}

result<std::string, Response> reader_of(const Request& request, std::string sent) {
    auto user = named(request, std::move(sent));
    if (user && !sees_all(request))
        if (auto refusal = http::refuse_other(request, *user)) return tl::unexpected{std::move(*refusal)};
    return user;
}

std::string order_id_of(const flow::KeyedCall& call) {
    return fmt::format("key-{:016x}{:016x}", stable_hash(call.id), stable_hash("order\n" + call.id));
}

result<std::int64_t, Response> product_named(const Request& request) {
    const auto id = parse_number<std::int64_t>(request.path_parameter("productId"));
    if (!id || *id < 1 || *id > max_amount)
        return tl::unexpected{
            Response::invalid_field("productId", "must be a whole number from 1 to 9007199254740991")};
    return *id;
}

}  // namespace stepcast::shop

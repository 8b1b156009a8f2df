#pragma once
#include <string>

#include "domain/calls.hpp"

namespace stepcast::shop {

// Who a call of the shop is about. Without tokens whoever names nobody is a guest.

/// Whose things they are does not matter: nobody is asked who he is, or an admin asks.
bool sees_all(const http::Request& request);
/// Who orders: `sent`, or if that is empty `?userId=`, or who calls. Or the refusal of who may not order for
/// others.
result<std::string, http::Response> customer_of(const http::Request& request, std::string sent);
/// The same of whose things are seen. Or the refusal of who may not see them.
result<std::string, http::Response> reader_of(const http::Request& request, std::string sent = {});
/// The id of an order that is made by a call with a key: the same call is the same order.
std::string order_id_of(const flow::KeyedCall& call);
/// The product that the path names.
result<std::int64_t, http::Response> product_named(const http::Request& request);

}  // namespace stepcast::shop

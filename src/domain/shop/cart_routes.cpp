#include "domain/shop/cart_routes.hpp"

#include <memory>

#include "base/text.hpp"
#include "domain/shop/answers.hpp"
#include "domain/shop/callers.hpp"
#include "domain/shop/customer_api.hpp"
#include "http/answers.hpp"
#include "http/conditions.hpp"

namespace stepcast::shop {
namespace {

using aio::awaitable;
using http::Context;
using http::Request;
using http::Response;

struct CartParts {
    Carts& carts;
    domain::Parts parts;
};

/// How many of a product a caller wants.
struct SentItem {
    std::string user_id{};
    std::int64_t quantity = 0;

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("userId", self.user_id, may);
        f("quantity", self.quantity, must);
    }
};

struct SentCheckout {
    std::string user_id{};
    std::string address{};
    std::string payment_method{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("userId", self.user_id, may);
        f("shippingAddress", self.address, may);
        f("paymentMethod", self.payment_method, may);
    }
};

awaitable<Response> change(CartParts& parts, const Request& request, std::string user,
                           std::int64_t quantity) {
    auto product = product_named(request);
    if (!product) co_return std::move(product.error());
    auto expected = domain::expected_version(request);
    if (!expected) co_return std::move(expected.error());
    auto put =
        co_await parts.carts.put(std::move(user), *product, quantity, *expected, domain::cause_of(request));
    if (put) co_return domain::answer_for(std::move(*put));
    if (put.error().code == errc::wrong_version)
        co_return domain::wrong_version(**expected,
                                        parse_number<event::Version>(put.error().detail).value_or(0));
    co_return answer_for(put.error());
}

awaitable<Response> put_item(CartParts& parts, Request& request) {
    if (auto refusal = http::refuse_unless_json(request)) co_return std::move(*refusal);
    auto sent = from_json<SentItem>(request.body);
    if (!sent) co_return answer_for(sent.error());
    if (sent->quantity == 0)
        co_return Response::invalid_field("quantity", "must be 1 or more; DELETE takes the product out");
    auto user = customer_of(request, std::move(sent->user_id));
    if (!user) co_return std::move(user.error());
    co_return co_await change(parts, request, std::move(*user), sent->quantity);
}

awaitable<Response> delete_item(CartParts& parts, Request& request) {
    if (auto refusal = http::refuse_other_than_nothing(request)) co_return std::move(*refusal);
    auto user = customer_of(request, {});
    if (!user) co_return std::move(user.error());
    co_return co_await change(parts, request, std::move(*user), 0);
}

awaitable<Response> get_cart(CartParts& parts, Request& request) {
    auto past = http::past_of(request);
    if (!past) co_return std::move(past.error());
    auto user = reader_of(request);
    if (!user) co_return std::move(user.error());
    if (auto late = co_await domain::wait_for(parts.parts.hub, parts.parts.core, request))
        co_return std::move(*late);
    const auto view = co_await parts.carts.view(*user, *past);
    if (!view) co_return answer_for(view.error());
    co_return http::answer_version(request, view->version, encode_cart(*user, view->cart, view->version));
}

awaitable<Response> check_out(CartParts& parts, Request& request) {
    if (!request.body.empty())
        if (auto refusal = http::refuse_unless_json(request)) co_return std::move(*refusal);
    auto key = domain::keyed_call(request, "/api/cart/checkout");
    if (!key) co_return std::move(key.error());
    auto sent = from_json<SentCheckout>(request.body.empty() ? "{}" : request.body);
    if (!sent) co_return answer_for(sent.error());
    auto user = customer_of(request, std::move(sent->user_id));
    if (!user) co_return std::move(user.error());
    auto placed = co_await parts.carts.check_out({.user = std::move(*user),
                                                  .order_id = *key ? order_id_of(**key) : std::string{},
                                                  .address = std::move(sent->address),
                                                  .payment_method = std::move(sent->payment_method),
                                                  .cause = domain::cause_of(request)});
    co_return placed ? domain::answer_for(std::move(*placed)) : answer_for(placed.error());
}

}  // namespace

std::vector<http::Route> cart_routes(Carts& carts, const domain::Parts& its_parts) {
    const auto parts = std::make_shared<CartParts>(CartParts{carts, its_parts});
    const auto to = [parts](awaitable<Response> (*handle)(CartParts&, Request&)) -> http::Handler {
        return [parts, handle](Request& request, Context) { return handle(*parts, request); };
    };
    using enum wire::Method;
    return {
        {get, "/api/cart", to(get_cart), api::cart},
        {put, "/api/cart/items/{productId}", to(put_item), api::put_item},
        {del, "/api/cart/items/{productId}", to(delete_item), api::delete_item},
        {post, "/api/cart/checkout", to(check_out), api::check_out},
    };
}

}  // namespace stepcast::shop

#include "domain/shop/routes.hpp"

#include <fmt/format.h>
#include <memory>

#include "aio/spawn.hpp"
#include "base/hash.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "domain/shop/answers.hpp"
#include "domain/shop/api.hpp"
#include "event/ids.hpp"
#include "http/access.hpp"
#include "http/answers.hpp"
#include "http/conditions.hpp"
#include "http/paging.hpp"
#include "http/past.hpp"

namespace stepcast::shop {
namespace {

using aio::awaitable;
using http::Context;
using http::Request;
using http::Response;

constexpr std::size_t max_listed = 1'000;

struct RouteParts {
    Orders* orders;  // null where the service runs in another process, as below
    Products* products;
    Notifications* notifications;
    const Catalogue& catalogue;
    domain::Parts parts;
};

/// What a caller sends of an order.
struct SentOrder {
    std::string user_id{};
    std::vector<OrderItem> items{};
    std::string address{};
    std::string payment_method{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("userId", self.user_id, may);
        f("orderItems", self.items, must);
        f("shippingAddress", self.address, may);
        f("paymentMethod", self.payment_method, may);
    }
};

struct SentProduct {
    std::string name{};
    std::int64_t price = 0;
    std::int64_t stock = 0;

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("name", self.name, must);
        f("price", self.price, must);
        f("stock", self.stock, must);
    }
};

bool sees_all(const Request& request) {
    return request.principal.anonymous || request.principal.scopes.admin;
}

result<std::string, Response> order_named(const Request& request) {
    const auto id = request.path_parameter("orderId");
    if (const auto fault = event::fault_of_id(id); !fault.empty())
        return tl::unexpected{Response::invalid_field("orderId", fault)};
    return std::string{id};
}

result<std::int64_t, Response> product_named(const Request& request) {
    const auto id = parse_number<std::int64_t>(request.path_parameter("productId"));
    if (!id || *id < 1 || *id > max_amount)
        return tl::unexpected{
            Response::invalid_field("productId", "must be a whole number from 1 to 9007199254740991")};
    return *id;
}

/// Without tokens whoever names nobody is a guest.
result<std::string, Response> customer_of(const Request& request, std::string sent) {
    if (sent.empty()) sent = request.principal.subject;
    if (sent.empty()) sent = "guest";
    if (auto refusal = http::refuse_sender(request, sent, "userId"))
        return tl::unexpected{std::move(*refusal)};
    return sent;
}

awaitable<Response> get_products(RouteParts& parts, Request& request) {
    if (auto late = co_await domain::wait_for(parts.parts.hub, parts.parts.core, request))
        co_return std::move(*late);
    auto body = co_await aio::run_on(parts.parts.core, [&parts]() -> awaitable<std::string> {
        std::string list = "[";
        for (const auto& [id, product] : parts.catalogue.stock().products) {
            if (list.back() != '[') list += ',';
            list += encode_product(id, product);
        }
        co_return list += ']';
    });
    co_return Response::json(std::move(body));
}

awaitable<Response> get_product(RouteParts& parts, Request& request) {
    const auto id = product_named(request);
    if (!id) co_return Response{product_named(request).error()};
    if (auto late = co_await domain::wait_for(parts.parts.hub, parts.parts.core, request))
        co_return std::move(*late);
    auto body = co_await aio::run_on(parts.parts.core, [&parts, id = *id]() -> awaitable<std::string> {
        const auto* product = parts.catalogue.stock().find(id);
        co_return product == nullptr ? std::string{} : encode_product(id, *product);
    });
    co_return body.empty() ? answer_for(Error{errc::unknown_product}) : Response::json(std::move(body));
}

awaitable<Response> put_product(RouteParts& parts, Request& request) {
    if (auto refusal = http::refuse_unless_json(request)) co_return std::move(*refusal);
    const auto id = product_named(request);
    if (!id) co_return Response{product_named(request).error()};
    auto sent = from_json<SentProduct>(request.body);
    if (!sent) co_return answer_for(sent.error());
    auto put = co_await parts.products->put(
        {.product_id = *id, .name = std::move(sent->name), .price = sent->price, .stock = sent->stock});
    co_return put ? domain::answer_for(std::move(*put)) : answer_for(put.error());
}

awaitable<Response> post_order(RouteParts& parts, Request& request) {
    if (auto refusal = http::refuse_unless_json(request)) co_return std::move(*refusal);
    const auto key = domain::keyed_call(request, "/api/orders");
    if (!key) co_return Response{domain::keyed_call(request, "/api/orders").error()};
    auto sent = from_json<SentOrder>(request.body);
    if (!sent) co_return answer_for(sent.error());
    if (sent->items.empty()) co_return Response::invalid_field("orderItems", "must not be empty");
    auto user = customer_of(request, std::move(sent->user_id));
    if (!user) co_return std::move(user.error());
    // With a key the order's id is made from it: the same call is the same order.
    auto id =
        *key ? fmt::format("key-{:016x}{:016x}", stable_hash((*key)->id), stable_hash("order\n" + (*key)->id))
             : random_uuid();
    auto placed = co_await parts.orders->place({.id = std::move(id),
                                                .user = std::move(*user),
                                                .items = std::move(sent->items),
                                                .address = std::move(sent->address),
                                                .payment_method = std::move(sent->payment_method)});
    co_return placed ? domain::answer_for(std::move(*placed)) : answer_for(placed.error());
}

awaitable<Response> get_order(RouteParts& parts, Request& request) {
    auto id = order_named(request);
    if (!id) co_return std::move(id.error());
    const auto view = co_await parts.orders->view(*id);
    if (!view) co_return answer_for(view.error());
    if (!sees_all(request))
        if (auto refusal = http::refuse_other(request, view->order.customer)) co_return std::move(*refusal);
    co_return Response::json(encode_order(*id, view->order, view->version))
        .with("ETag", http::etag_of(view->version))
        .with("Cache-Control", http::users_own);
}

awaitable<Response> cancel_order(RouteParts& parts, Request& request) {
    if (auto refusal = http::refuse_other_than_nothing(request)) co_return std::move(*refusal);
    auto id = order_named(request);
    if (!id) co_return std::move(id.error());
    std::string caller = sees_all(request) ? std::string{} : request.principal.subject;
    auto cancelled = co_await parts.orders->cancel(std::move(*id), std::move(caller));
    co_return cancelled ? domain::answer_for(std::move(*cancelled)) : answer_for(cancelled.error());
}

awaitable<Response> get_notifications(RouteParts& parts, Request& request) {
    auto slice = http::slice_of(request, max_listed);
    if (!slice) co_return std::move(slice.error());
    std::string user{http::user_named(request)};
    if (user.empty()) user = "guest";
    if (const auto fault = event::fault_of_id(user); !fault.empty())
        co_return Response::invalid_field("userId", fault);
    if (!sees_all(request))
        if (auto refusal = http::refuse_other(request, user)) co_return std::move(*refusal);
    const auto page = co_await parts.notifications->list(user, slice->from, slice->limit);
    if (!page) co_return answer_for(page.error());
    std::string body = "[";
    for (const auto& event : page->events) {
        if (body.back() != '[') body += ',';
        body += event->json();
    }
    Response response = Response::json(std::move(body += ']'));
    if (page->more)
        response.with("Link", http::next_link(request, fmt::format("userId={}&", domain::path_segment(user)),
                                              page->events.back()->version() + 1, slice->limit));
    co_return std::move(response).with("Cache-Control", http::users_own);
}

}  // namespace

std::vector<http::Route> shop_routes(Orders* orders, Products* products, Notifications* notifications,
                                     const Catalogue& catalogue, const domain::Parts& its_parts) {
    const auto parts =
        std::make_shared<RouteParts>(RouteParts{orders, products, notifications, catalogue, its_parts});
    const auto to = [parts](awaitable<Response> (*handle)(RouteParts&, Request&)) -> http::Handler {
        return [parts, handle](Request& request, Context) { return handle(*parts, request); };
    };
    using enum wire::Method;
    std::vector<http::Route> rows;
    const auto add = [&](std::initializer_list<http::Route> more) { rows.insert(rows.end(), more); };
    if (products != nullptr)
        add({{get, "/api/products", to(get_products), api::products},
             {get, "/api/products/{productId}", to(get_product), api::product},
             {put, "/api/products/{productId}", to(put_product), api::put_product}});
    if (orders != nullptr)
        add({{post, "/api/orders", to(post_order), api::place_order},
             {get, "/api/orders/{orderId}", to(get_order), api::order},
             {post, "/api/orders/{orderId}/cancel", to(cancel_order), api::cancel_order}});
    if (notifications != nullptr)
        add({{get, "/api/notifications", to(get_notifications), api::notifications}});
    return rows;
}

}  // namespace stepcast::shop

#include "domain/shop/routes.hpp"

#include <fmt/format.h>
#include <memory>

#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "domain/shop/answers.hpp"
#include "domain/shop/api.hpp"
#include "domain/shop/callers.hpp"
#include "event/ids.hpp"
#include "http/access.hpp"
#include "http/answers.hpp"
#include "http/conditions.hpp"
#include "http/links.hpp"
#include "http/paging.hpp"
#include "http/parameters.hpp"
#include "http/past.hpp"
#include "http/time_parameter.hpp"

namespace stepcast::shop {
namespace {

using aio::awaitable;
using http::Context;
using http::Request;
using http::Response;

constexpr std::size_t max_listed = 1'000;
constexpr std::size_t default_listed = 100;

struct RouteParts {
    Orders* orders;  // null where the service runs in another process, as below
    Products* products;
    const Catalogue& catalogue;
    const OrderList& list;
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

result<std::string, Response> order_named(const Request& request) {
    const auto id = request.path_parameter("orderId");
    if (const auto fault = event::fault_of_id(id); !fault.empty())
        return tl::unexpected{Response::invalid_field("orderId", fault)};
    return std::string{id};
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
        {.product_id = *id, .name = std::move(sent->name), .price = sent->price, .stock = sent->stock},
        domain::cause_of(request));
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
    auto id = *key ? order_id_of(**key) : random_uuid();
    auto cause = domain::cause_of(request, id);
    auto placed = co_await parts.orders->place({.id = std::move(id),
                                                .user = std::move(*user),
                                                .items = std::move(sent->items),
                                                .address = std::move(sent->address),
                                                .payment_method = std::move(sent->payment_method),
                                                .also = {},
                                                .cause = std::move(cause)});
    co_return placed ? domain::answer_for(std::move(*placed)) : answer_for(placed.error());
}

awaitable<Response> cancel_order(RouteParts& parts, Request& request) {
    if (auto refusal = http::refuse_other_than_nothing(request)) co_return std::move(*refusal);
    auto id = order_named(request);
    if (!id) co_return std::move(id.error());
    std::string caller = sees_all(request) ? std::string{} : request.principal.subject;
    auto cause = domain::cause_of(request, *id);
    auto cancelled = co_await parts.orders->cancel(std::move(*id), std::move(caller), std::move(cause));
    co_return cancelled ? domain::answer_for(std::move(*cancelled)) : answer_for(cancelled.error());
}

// "1767225600000:key-1": when the last order that was looked at was placed, and its id.
std::string to_text(const OrderList::Place& place) {
    return fmt::format("{}:{}", place.created_at.time_since_epoch().count(), place.id);
}

result<std::optional<OrderList::Place>, Response> after_of(const Request& request) {
    const auto text = request.parameter("after");
    if (!text) return std::optional<OrderList::Place>{};
    const auto colon = text->find(':');
    const auto time = parse_number<std::int64_t>(text->substr(0, colon));
    if (!time || colon == std::string_view::npos)
        return tl::unexpected{Response::invalid_field("after", "must come from a Link header")};
    return std::optional{OrderList::Place{Timestamp{Duration{*time}}, std::string{text->substr(colon + 1)}}};
}

result<std::optional<OrderStatus>, Response> status_of(const Request& request) {
    const auto text = request.parameter("status");
    if (!text) return std::optional<OrderStatus>{};
    const auto name = std::ranges::find(order_status_names, *text);
    if (name == order_status_names.end())
        return tl::unexpected{Response::invalid_field(
            "status", "must be PENDING, STOCK_RESERVED, PAID, CONFIRMED, SHIPPED or CANCELLED")};
    return std::optional{static_cast<OrderStatus>(name - order_status_names.begin())};
}

result<OrderList::Question, Response> question_of(const Request& request) {
    OrderList::Question question;
    auto limit = http::optional_number(request, "limit", {.min = 1, .max = max_listed});
    if (!limit) return tl::unexpected{std::move(limit.error())};
    question.limit = static_cast<std::size_t>(limit->value_or(default_listed));
    auto after = after_of(request);
    if (!after) return tl::unexpected{std::move(after.error())};
    question.after = std::move(*after);
    auto status = status_of(request);
    if (!status) return tl::unexpected{std::move(status.error())};
    question.status = *status;
    for (const auto& [name, time] : {std::pair{"since", &question.since}, {"until", &question.until}}) {
        auto given = http::optional_time(request, name);
        if (!given) return tl::unexpected{std::move(given.error())};
        *time = given->value_or(*time);
    }
    if (const auto user = request.parameter("userId")) {
        if (const auto fault = event::fault_of_id(*user); !fault.empty())
            return tl::unexpected{Response::invalid_field("userId", fault)};
        question.customer = *user;
    } else if (!sees_all(request)) {
        question.customer = request.principal.subject;
    }
    if (!sees_all(request))
        if (auto refusal = http::refuse_other(request, question.customer))
            return tl::unexpected{std::move(*refusal)};
    return question;
}

struct Listed {
    std::string json{"["};
    std::optional<OrderList::Place> next{};
};

awaitable<result<Listed>> list_orders(RouteParts& parts, OrderList::Question question) {
    const auto found = parts.list.find(question);
    Listed listed{.next = found.next};
    for (const auto& id : found.ids) {
        const auto view = co_await parts.orders->view(id);
        if (!view) co_return tl::unexpected{view.error()};
        if (listed.json.back() != '[') listed.json += ',';
        listed.json += encode_order(id, view->order, view->version);
    }
    listed.json += ']';
    co_return listed;
}

awaitable<Response> get_orders(RouteParts& parts, Request& request) {
    auto question = question_of(request);
    if (!question) co_return std::move(question.error());
    if (auto late = co_await domain::wait_for(parts.parts.hub, parts.parts.core, request))
        co_return std::move(*late);
    if (!parts.parts.hub.live()) co_return answer_for(Error{errc::rebuilding});
    const auto listed =
        co_await aio::run_on(parts.parts.core, [&parts, &question] { return list_orders(parts, *question); });
    if (!listed) co_return answer_for(listed.error());
    Response response = Response::json(listed->json);
    if (listed->next) response.with("Link", http::link_behind(request, to_text(*listed->next)));
    co_return std::move(response).with("Cache-Control", http::users_own);
}

// Who may not see the order is told so before anything of its past.
awaitable<result<event::Version, Response>> readable(RouteParts& parts, Request& request,
                                                     const std::string& id) {
    if (auto late = co_await domain::wait_for(parts.parts.hub, parts.parts.core, request))
        co_return tl::unexpected{std::move(*late)};
    const auto now = co_await parts.orders->view(id);
    if (!now) co_return tl::unexpected{answer_for(now.error())};
    if (!sees_all(request))
        if (auto refusal = http::refuse_other(request, now->order.customer))
            co_return tl::unexpected{std::move(*refusal)};
    co_return now->version;
}

awaitable<Response> get_order(RouteParts& parts, Request& request) {
    auto past = http::past_of(request);
    if (!past) co_return std::move(past.error());
    auto id = order_named(request);
    if (!id) co_return std::move(id.error());
    auto allowed = co_await readable(parts, request, *id);
    if (!allowed) co_return std::move(allowed.error());
    const auto view = co_await parts.orders->view(*id, *past);
    if (!view) co_return answer_for(view.error());
    co_return http::answer_version(request, view->version, encode_order(*id, view->order, view->version));
}

awaitable<Response> get_events(RouteParts& parts, Request& request) {
    auto slice = http::slice_of(request, max_listed);
    if (!slice) co_return std::move(slice.error());
    auto id = order_named(request);
    if (!id) co_return std::move(id.error());
    auto head = co_await readable(parts, request, *id);
    if (!head) co_return std::move(head.error());
    const auto page = co_await parts.orders->events(*id, slice->from, *head, slice->limit);
    if (!page) co_return answer_for(page.error());
    std::string body = "[";
    for (const auto& event : page->events) {
        if (body.back() != '[') body += ',';
        body += event->json();
    }
    Response response = Response::json(std::move(body += ']'));
    if (page->more) response.with("Link", http::next_link(request, {}, page->through + 1, slice->limit));
    co_return std::move(response).with("ETag", http::etag_of(*head)).with("Cache-Control", http::users_own);
}

}  // namespace

std::vector<http::Route> shop_routes(Orders* orders, Products* products, const Catalogue& catalogue,
                                     const OrderList& list, const domain::Parts& its_parts) {
    const auto parts = std::make_shared<RouteParts>(RouteParts{orders, products, catalogue, list, its_parts});
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
             {get, "/api/orders", to(get_orders), api::orders},
             {get, "/api/orders/{orderId}", to(get_order), api::order},
             {get, "/api/orders/{orderId}/events", to(get_events), api::order_events},
             {post, "/api/orders/{orderId}/cancel", to(cancel_order), api::cancel_order}});
    return rows;
}

}  // namespace stepcast::shop

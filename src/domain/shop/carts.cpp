#include "domain/shop/carts.hpp"

#include <fmt/format.h>

#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "flow/version_at.hpp"

namespace stepcast::shop {
namespace {

constexpr int max_tries = 8;  // of a checkout while the cart is being changed

const CartAggregate& cart_of(const flow::Aggregate& state) {
    return static_cast<const CartAggregate&>(state);
}

// Times never fall within a cart.
CartEvent dated(CartEvent event, const Cart& cart, const std::string& user, Timestamp now) {
    event.user_id = user;
    event.at = std::max(now, cart.updated_at);
    return event;
}

}  // namespace

Carts::Carts(const domain::Parts& parts, const Catalogue& catalogue, Orders& orders)
    : parts_{parts},
      catalogue_{catalogue},
      orders_{orders},
      commands_{parts.core, parts.store, parts.committer, cart_kind(), {}} {}

aio::awaitable<result<domain::Written>> Carts::put(std::string user, std::int64_t product_id,
                                                   std::int64_t quantity,
                                                   std::optional<event::Version> expected,
                                                   event::Metadata cause) {
    return aio::run_on(parts_.core, [this, user = std::move(user), product_id, quantity, expected,
                                     cause = std::move(cause)] {
        return write(user, product_id, quantity, expected, cause);
    });
}

result<std::optional<CartEvent>> Carts::decide(const Cart& cart, std::int64_t product_id,
                                               std::int64_t quantity) const {
    if (quantity == 0) return remove_item(cart, product_id);
    if (!catalogue_.whole()) return fail(errc::rebuilding);
    const auto* product = catalogue_.stock().find(product_id);
    if (product == nullptr)
        return fail(errc::unknown_product, {}, fmt::format("there is no product {}", product_id));
    return put_item(cart, {product_id, product->name, product->price, quantity});
}

aio::awaitable<result<domain::Written>> Carts::write(std::string user, std::int64_t product_id,
                                                     std::int64_t quantity,
                                                     std::optional<event::Version> expected,
                                                     event::Metadata cause) {
    if (!parts_.hub.live()) co_return fail(errc::rebuilding);
    struct Shown {
        View after;
        bool same = false;  // it was so already
    };
    const auto shown = std::make_shared<Shown>();  // the question may outlive this call
    const auto receipt = co_await commands_.handle(
        {.stream_id = user,
         .decide = [=, this, id = random_uuid()](const flow::Aggregate& state,
                                                 event::Version version) -> result<flow::Decision> {
             if (cart_of(state).broken()) return fail(errc::unreadable);
             if (expected && *expected != version)
                 return fail(errc::wrong_version, {}, std::to_string(version));
             *shown = {{cart_of(state).cart(), version}};
             auto event = decide(shown->after.cart, product_id, quantity);
             if (!event) return tl::unexpected{event.error()};
             // A refusal holds for what is stored only: an order may have emptied the cart behind this state.
             shown->same = !*event;
             if (shown->same) return fail(errc::wrong_version);
             (*event)->event_id = id;
             const auto whole = dated(std::move(**event), shown->after.cart, user, parts_.clock.now());
             evolve(shown->after.cart, whole);
             ++shown->after.version;
             flow::Decision decision;
             decision.events.push_back(make_draft(whole));
             return decision;
         },
         .cause = std::move(cause)});
    if (!receipt && !shown->same) co_return tl::unexpected{receipt.error()};
    const auto& [cart, version] = shown->after;
    co_return domain::Written{{.body = encode_cart(user, cart, version), .version = version},
                              receipt ? receipt->position : parts_.store.head()};
}

aio::awaitable<result<Carts::View>> Carts::view(std::string user, http::Past past) {
    return aio::run_on(parts_.core, [this, user = std::move(user), past] { return load(user, past); });
}

aio::awaitable<result<Carts::View>> Carts::load(std::string user, http::Past past) {
    if (!parts_.hub.live()) co_return fail(errc::rebuilding);
    if (past.at) {
        const auto time_of = [](const event::Event& event) -> result<Timestamp> {
            const auto read = decode_cart(event);
            if (!read) return tl::unexpected{read.error()};
            return read->at;
        };
        const auto found = co_await flow::version_at(parts_.store, cart_category, user, *past.at, time_of);
        if (!found) co_return tl::unexpected{found.error()};
        if (found->value_or(0) == 0) co_return fail(errc::unknown_version, {}, "the cart is younger");
        past.version = **found;
    }
    const auto loaded = co_await commands_.reader().load(user, past.version.value_or(UINT64_MAX));
    if (!loaded) co_return tl::unexpected{loaded.error()};
    if (cart_of(*loaded->state).broken()) co_return fail(errc::unreadable);
    if (past.version && loaded->version != *past.version) co_return fail(errc::unknown_version);
    co_return View{cart_of(*loaded->state).cart(), loaded->version};
}

aio::awaitable<result<domain::Written>> Carts::check_out(Checkout wish) {
    return aio::run_on(parts_.core, [this, wish = std::move(wish)] { return order(wish); });
}

// The order's commit holds the cart's event, too, and is refused if the cart has changed meanwhile.
aio::awaitable<result<domain::Written>> Carts::order(Checkout wish) {
    if (!wish.order_id.empty()) {
        auto before = co_await ordered_before(wish);
        if (!before) co_return tl::unexpected{before.error()};
        if (*before) co_return std::move(**before);
    }
    for (int tries = 1;; ++tries) {
        const auto now = co_await load(wish.user, {});
        if (!now) co_return tl::unexpected{now.error()};
        if (now->cart.items.empty()) co_return fail(errc::empty_cart);
        // Who presses the button twice orders once: until the cart changes it stands for one order.
        const auto id = wish.order_id.empty() ? now->cart.last_event : wish.order_id;
        CartEvent event{.type = CartEventType::ordered, .event_id = id + ":ordered", .order_id = id};
        event = dated(std::move(event), now->cart, wish.user, parts_.clock.now());
        Orders::Wish wanted{.id = id,
                            .user = wish.user,
                            .items = {},
                            .address = wish.address,
                            .payment_method = wish.payment_method,
                            .also = {},
                            .cause = wish.cause};
        wanted.cause.correlation_id = id;
        for (const auto& item : now->cart.items) wanted.items.push_back({item.product_id, item.quantity});
        wanted.also.emplace().expected = store::Expected::exact(now->version);
        wanted.also->events.push_back(make_draft(event));
        auto placed = co_await orders_.place(std::move(wanted));
        if (placed || placed.error().code != store::errc::wrong_expected_version || tries == max_tries)
            co_return placed;
    }
}

// An order of that id is the answer to a call that was sent before, or another call's.
aio::awaitable<result<std::optional<domain::Written>>> Carts::ordered_before(const Checkout& wish) {
    const auto known = co_await orders_.view(wish.order_id, {});
    if (!known && known.error().code == errc::unknown_order) co_return std::nullopt;
    if (!known) co_return tl::unexpected{known.error()};
    auto placed = co_await orders_.place({.id = wish.order_id,
                                          .user = wish.user,
                                          .items = known->order.items,
                                          .address = wish.address,
                                          .payment_method = wish.payment_method});
    if (!placed) co_return tl::unexpected{placed.error()};
    co_return std::move(*placed);
}

}  // namespace stepcast::shop

#include "domain/shop/services.hpp"

#include <algorithm>

#include "aio/spawn.hpp"
#include "domain/shop/simulator.hpp"

namespace stepcast::shop {
namespace {

using aio::awaitable;

// Of an order in either style: one of the two passes over it.
template <class Event>
Listener::Read hears_both(Orders& orders, awaitable<result<void>> (Orders::*hear)(Event, event::Metadata),
                          OrderSagaOrchestrator& orchestrator,
                          awaitable<result<void>> (OrderSagaOrchestrator::*answer)(Event, event::Metadata)) {
    return [&orders, hear, &orchestrator, answer](std::string_view value) -> result<Listener::Work> {
        auto event = from_json<Event>(value);
        if (!event) return tl::unexpected{std::move(event.error())};
        return Listener::Work{[&orders, hear, &orchestrator, answer,
                               event = std::move(*event)](event::Metadata cause) -> awaitable<result<void>> {
            auto heard = co_await (orders.*hear)(event, cause);
            if (!heard) co_return heard;
            co_return co_await (orchestrator.*answer)(event, std::move(cause));
        }};
    };
}

/// Reads events of orders. Those of other types say nothing.
Listener::Read hears_notes(std::vector<OrderEventType> types,
                           std::function<awaitable<result<void>>(OrderNote, event::Metadata)> hear) {
    return
        [types = std::move(types), hear = std::move(hear)](std::string_view value) -> result<Listener::Work> {
            auto note = read_note(value);
            if (!note) return tl::unexpected{std::move(note.error())};
            if (!*note || std::ranges::find(types, (*note)->type) == types.end()) return Listener::Work{};
            return Listener::Work{[hear, note = std::move(**note)](event::Metadata cause) {
                return hear(note, std::move(cause));
            }};
        };
}

}  // namespace

Services::Services(const domain::Parts& parts, Catalogue& catalogue, const Mailboxes& mailboxes,
                   const Settings& settings)
    : core{parts.core} {
    const auto& prefix = settings.orders.prefix;
    const auto runs = [&](std::string_view service) {
        return std::ranges::find(settings.services, service) != settings.services.end();
    };
    std::vector<Hearing> all;
    if (runs("order")) {
        orders = std::make_unique<Orders>(parts, catalogue, settings.orders);
        carts = std::make_unique<Carts>(parts, catalogue, *orders);
        orchestrator = std::make_unique<OrderSagaOrchestrator>(parts, *orders, settings.orchestrator);
        hear_orders(all, *orders, *orchestrator);
    }
    if (runs("product")) {
        products = std::make_unique<Products>(parts, prefix);
        hear_products(all, *products);
    } else if (orders) {
        replica = std::make_unique<ProductReplica>(parts, prefix, catalogue);
    }
    if (runs("payment")) {
        if (settings.provider)
            provider = std::make_unique<HttpProvider>(parts.io, *settings.provider);
        else
            provider = std::make_unique<PaymentSimulator>();
        payments = std::make_unique<Payments>(parts, *provider, settings.payments);
        hear_payments(all, *payments);
    }
    if (runs("notification")) {
        notifications = std::make_unique<Notifications>(parts, mailboxes, settings.notifications);
        hear_notifications(all, *notifications);
    }
    for (auto& [service, topic, read] : all)
        listeners.push_back(std::make_unique<Listener>(parts, prefix, service, topic, std::move(read)));
}

void Services::start() {
    if (orders) orders->start();
    if (orchestrator) orchestrator->start();
    if (payments) payments->start();
    if (replica) replica->start();
    for (const auto& listener : listeners) listener->start();
}

bool Services::subscribed() const {
    return (!replica || replica->subscribed()) && std::ranges::all_of(listeners, &Listener::subscribed);
}

awaitable<void> Services::stop() {
    aio::Gate heard{core};  // all at once: each may wait for a quiet quarter of a second
    for (const auto& listener : listeners)
        aio::spawn(core, "stop", [&listener, hold = heard.enter()] { return listener->stop(); });
    co_await heard.close();
    if (replica) co_await replica->stop();
    if (orchestrator) co_await orchestrator->stop();
    if (carts) co_await carts->stop();
    if (orders) co_await orders->stop();
    if (payments) co_await payments->stop();
    if (products) co_await products->stop();
}

void hear_orders(std::vector<Hearing>& all, Orders& orders, OrderSagaOrchestrator& orchestrator) {
    using Leader = OrderSagaOrchestrator;
    const auto both = [&](std::string_view topic, auto hear, auto answer) {
        all.push_back({"order", topic, hears_both(orders, hear, orchestrator, answer)});
    };
    both(topic::stock_reserved, &Orders::on_stock_reserved, &Leader::on_stock_reserved);
    both(topic::stock_reservation_failed, &Orders::on_stock_reservation_failed,
         &Leader::on_stock_reservation_failed);
    both(topic::payment_completed, &Orders::on_payment_completed, &Leader::on_payment_completed);
    both(topic::payment_failed, &Orders::on_payment_failed, &Leader::on_payment_failed);
    all.push_back(
        {"order", topic::compensation_completed, hears(orchestrator, &Leader::on_compensation_completed)});
    all.push_back({"order", topic::order_events,
                   hears_notes({OrderEventType::created, OrderEventType::cancelled, OrderEventType::shipped},
                               [&orchestrator](OrderNote note, event::Metadata cause) {
                                   return orchestrator.on_order_event(std::move(note), std::move(cause));
                               })});
}

void hear_products(std::vector<Hearing>& all, Products& products) {
    all.push_back({"product", topic::order_created, hears(products, &Products::on_order_created)});
    all.push_back({"product", topic::order_cancelled, hears(products, &Products::on_order_cancelled)});
    all.push_back({"product", topic::payment_failed, hears(products, &Products::on_payment_failed)});
    all.push_back({"product", topic::stock_commands, hears(products, &Products::on_command)});
    all.push_back({"product", topic::order_events,
                   hears_notes({OrderEventType::shipped}, [&products](OrderNote note, event::Metadata cause) {
                       return products.on_shipped(std::move(note.id), std::move(cause));
                   })});
}

void hear_payments(std::vector<Hearing>& all, Payments& payments) {
    all.push_back({"payment", topic::stock_reserved, hears(payments, &Payments::on_stock_reserved)});
    all.push_back({"payment", topic::order_cancelled, hears(payments, &Payments::on_order_cancelled)});
    all.push_back({"payment", topic::payment_commands, hears(payments, &Payments::on_command)});
}

void hear_notifications(std::vector<Hearing>& all, Notifications& notifications) {
    const auto hear = [&](std::string_view topic, Listener::Read read) {
        all.push_back({"notification", topic, std::move(read)});
    };
    hear(topic::order_created, hears(notifications, &Notifications::on_order_created));
    hear(topic::stock_reservation_failed, hears(notifications, &Notifications::on_stock_reservation_failed));
    hear(topic::payment_completed, hears(notifications, &Notifications::on_payment_completed));
}

}  // namespace stepcast::shop

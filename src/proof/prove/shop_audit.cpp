#include <fmt/format.h>

#include "aio/notice.hpp"
#include "base/hash.hpp"
#include "base/time.hpp"
#include "proof/load/loop.hpp"
#include "proof/prove/answer_fields.hpp"
#include "proof/prove/shop.hpp"

namespace stepcast::proof {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;
namespace json = boost::json;

// After the last kill everything is over by then, also where a broker waits for a dead member of a group.
constexpr std::uint64_t order_limit_ns = 90'000'000'000;

/// All events of a stream; none if there is no such stream.
awaitable<std::vector<json::object>> list_stream(client::HttpClient& http, std::string stream) {
    std::vector<json::object> events;
    while (true) {
        const auto answer =
            co_await http.get(fmt::format("/api/streams/{}?from={}&limit=1000", stream, events.size() + 1));
        const auto page = answer && answer->status == 200 ? parsed(answer->body) : json::value{};
        const auto listed = objects_of(page);
        for (const auto* event : listed) events.push_back(*event);
        if (listed.empty()) co_return events;
    }
}

std::vector<ShopEvent> shop_events(const std::vector<json::object>& listed) {
    std::vector<ShopEvent> events;
    for (const auto& event : listed)
        events.push_back({.id = member_text(event, "eventId"),
                          .version = static_cast<std::uint64_t>(member_number(event, "version")),
                          .type = member_text(event, "type"),
                          .amount = member_number(member_object(event, "data"), "amount")});
    return events;
}

StockChange stock_change(const json::object& event) {
    const auto& data = member_object(event, "data");
    StockChange change{.id = member_text(event, "eventId"),
                       .version = static_cast<std::uint64_t>(member_number(event, "version")),
                       .type = member_text(event, "type"),
                       .order = member_text(data, "orderId"),
                       .product = member_number(data, "productId"),
                       .stock = member_number(data, "stock")};
    if (const auto* items = data.if_contains("items"))
        for (const auto* item : objects_of(*items))
            change.items[member_number(*item, "productId")] += member_number(*item, "quantity");
    return change;
}

std::optional<Timestamp> committed_at(const std::vector<json::object>& events, std::string_view type) {
    for (const auto& event : events)
        if (member_text(event, "type") == type) return parse_rfc3339(member_text(event, "recordedAt"));
    return std::nullopt;
}

}  // namespace

awaitable<void> ShopProof::audit() {
    client::HttpClient http{co_await asio::this_coro::executor, siege_.server()};
    std::map<std::string, std::string> ends;  // by the key of the call: ids are drawn
    for (const auto& placed : placed_) {
        const auto order = co_await await_end(http, placed);
        note_end(order);
        ends[placed.key] = fmt::format("{} {} {}", placed.key, order.status, order.kept());
        if (order.ended()) co_await siege_.check_task(http, placed.id);
    }
    co_await audit_stock(http);
    co_await audit_notifications(http);
    co_await siege_.check_outbox(http);
    std::string all;
    for (const auto& [key, end] : ends) all += end + '\n';
    verdict_.hash = fmt::format("{:016x}", stable_hash(all));
    if (verdict_.kept != verdict_.sold)
        siege_.fail_with(fmt::format("{} won are kept, {} were sold for", verdict_.kept, verdict_.sold));
    if (verdict_.left + verdict_.shipped != verdict_.put_in)
        siege_.fail_with(fmt::format("{} units are there and {} were shipped of {}", verdict_.left,
                                     verdict_.shipped, verdict_.put_in));
}

// An order, once nothing is wrong with it any more, or after the limit.
awaitable<ShopOrder> ShopProof::await_end(client::HttpClient& http, const Placed& placed) {
    std::vector<std::string> faults;
    ShopOrder order;
    for (const auto deadline = now_ns() + order_limit_ns; now_ns() < deadline;) {
        order = co_await read_order(http, placed.id);
        faults = faults_of_order(order);
        if (faults.empty()) co_return order;
        if (!siege_.clean()) break;  // one that never ends costs the limit once
        co_await aio::pause(20ms);
    }
    for (auto& fault : faults) siege_.fail_with(fmt::format("{}: {}", placed.key, fault));
    co_return order;
}

awaitable<ShopOrder> ShopProof::read_order(client::HttpClient& http, const std::string& id) {
    const auto answer = co_await http.get("/api/orders/" + id);
    const auto body = answer ? parsed(answer->body) : json::value{};
    ShopOrder order{.id = id, .status = "UNREADABLE"};
    if (!body.is_object()) co_return order;
    order.status = member_text(body.get_object(), "status");
    order.total = member_number(body.get_object(), "totalAmount");
    if (!order.ended()) co_return order;
    const auto events = co_await list_stream(http, "order-" + id);
    order.events = shop_events(events);
    const auto taken = committed_at(events, "ORDER_CREATED");
    if (const auto confirmed = committed_at(events, "ORDER_CONFIRMED"); taken && confirmed)
        order.confirmed_after_ms = (*confirmed - *taken).count();
    order.payment = shop_events(co_await list_stream(http, "payment-" + id));
    co_return order;
}

void ShopProof::note_end(const ShopOrder& order) {
    shipped_[order.id] = order.shipped();
    verdict_.confirmed += order.shipped() ? 1 : 0;
    verdict_.stuck += order.ended() ? 0 : 1;
    verdict_.compensated += order.ended() && !order.shipped() ? 1 : 0;
    if (order.confirmed_after_ms)
        verdict_.completion.add(static_cast<std::uint64_t>(*order.confirmed_after_ms) * 1'000'000);
    verdict_.kept += order.kept();
    verdict_.sold += order.shipped() ? order.total : 0;
}

awaitable<void> ShopProof::audit_stock(client::HttpClient& http) {
    std::vector<std::string> faults;
    for (const auto deadline = now_ns() + order_limit_ns; now_ns() < deadline;) {
        std::vector<StockChange> changes;
        for (const auto& event : co_await list_stream(http, "stock-all"))
            changes.push_back(stock_change(event));
        const auto shelves = co_await read_shelves(http);
        faults = faults_of_stock(changes, shipped_, shelves);
        if (faults.empty() || !siege_.clean()) {
            for (const auto& [product, shelf] : shelves) verdict_.left += shelf.stock;
            for (const auto& change : changes)
                for (const auto& [product, quantity] : change.items)
                    verdict_.shipped += change.type == "STOCK_SHIPPED" ? quantity : 0;
            break;
        }
        co_await aio::pause(100ms);
    }
    for (auto& fault : faults) siege_.fail_with(std::move(fault));
}

awaitable<Shelves> ShopProof::read_shelves(client::HttpClient& http) {
    const auto answer = co_await http.get("/api/products");
    const auto body = answer ? parsed(answer->body) : json::value{};
    Shelves shelves;
    for (const auto* product : objects_of(body))
        shelves[member_number(*product, "productId")] = {member_number(*product, "stock"),
                                                         member_number(*product, "reserved")};
    co_return shelves;
}

// Every order was told to its customer once.
awaitable<void> ShopProof::audit_notifications(client::HttpClient& http) {
    std::map<std::string, std::set<std::string>> orders;
    for (const auto& placed : placed_) orders[placed.user].insert(placed.id);
    for (const auto& [user, own] : orders) {
        auto missing = own.size();
        for (const auto deadline = now_ns() + order_limit_ns; missing > 0 && now_ns() < deadline;) {
            std::set<std::string> ids, told;
            for (const auto& event : co_await list_stream(http, "notification-" + user)) {
                const auto id = member_text(event, "eventId");
                if (!ids.insert(id).second) siege_.fail_with(fmt::format("{} was told twice: {}", user, id));
                const auto& data = member_object(event, "data");
                if (member_text(data, "type") == "ORDER_CREATED") told.insert(member_text(data, "orderId"));
            }
            missing = 0;
            for (const auto& id : own) missing += told.contains(id) ? 0 : 1;
            if (!siege_.clean()) break;
            if (missing > 0) co_await aio::pause(100ms);
        }
        if (missing > 0) siege_.fail_with(fmt::format("{} was not told of {} orders", user, missing));
    }
}

}  // namespace stepcast::proof

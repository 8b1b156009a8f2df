#include "domain/shop/stock.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "event/json_reader.hpp"

namespace stepcast::shop {
namespace {

using StockType = StockEventType;

const event::Upcasters stock_as_written;  // no type has ever changed

// A reservation that was made twice, or of what is not there, is in no journal of ours.
void hold(Stock& stock, const StockEvent& event) {
    if (!stock.held.try_emplace(event.order_id, event.items).second) return;
    for (const auto& item : event.items) stock.products[item.product_id].reserved += item.quantity;
}

void take_back(Stock& stock, const StockEvent& event) {
    const auto held = stock.held.find(event.order_id);
    if (held == stock.held.end()) return;
    for (const auto& item : held->second) {
        auto& product = stock.products[item.product_id];
        product.reserved -= item.quantity;
        if (event.type == StockType::shipped) product.stock -= item.quantity;
    }
    stock.held.erase(held);
}

/// The saved state's lists, as from_json reads objects.
struct SavedProduct {
    std::int64_t product_id = 0;
    Product product{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("productId", self.product_id, must);
        f("name", self.product.name, must);
        f("price", self.product.price, must);
        f("stock", self.product.stock, must);
        f("reserved", self.product.reserved, must);
    }
};

struct SavedOrder {
    std::string order_id{};
    std::vector<OrderItem> items{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("items", self.items, must);
    }
};

}  // namespace

StockEvent reserve(const Stock& stock, const std::string& order_id, const std::vector<OrderItem>& items) {
    StockEvent event{.type = StockType::reserved, .order_id = order_id, .items = items};
    for (const auto& item : items) {
        const auto* product = stock.find(item.product_id);
        const auto left = product == nullptr ? 0 : product->stock - product->reserved;
        if (left >= item.quantity) continue;
        event.type = StockType::refused;
        event.items.clear();
        event.reason =
            fmt::format("재고 부족: 상품 {}, 주문 {}개, 재고 {}개", item.product_id, item.quantity, left);
        break;
    }
    return event;
}

std::optional<StockEvent> let_go(const Stock& stock, const std::string& order_id, StockType how) {
    const auto held = stock.held.find(order_id);
    if (held == stock.held.end()) return std::nullopt;
    return StockEvent{.type = how, .order_id = order_id, .items = held->second};
}

result<void> check_set(const Stock& stock, const StockEvent& event) {
    const auto* before = stock.find(event.product_id);
    if (before != nullptr && event.stock < before->reserved)
        return fail(errc::invalid_field, "stock", fmt::format("{} are reserved", before->reserved));
    return {};
}

void evolve(Stock& stock, const StockEvent& event) {
    switch (event.type) {
        case StockType::set: {
            auto& product = stock.products[event.product_id];
            product.name = event.name;
            product.price = event.price;
            product.stock = event.stock;
            break;
        }
        case StockType::reserved:
            hold(stock, event);
            break;
        case StockType::released:
        case StockType::shipped:
            take_back(stock, event);
            break;
        case StockType::refused:
        case StockType::barred:
            break;
    }
}

event::Draft make_draft(const StockEvent& event, std::string_view event_id) {
    const auto json = to_json(event);
    return event::Event::make({.category = &stock_category,
                               .type = static_cast<std::uint8_t>(event.type),
                               .stream_id = stock_stream,
                               .id = event_id,
                               .subject = {},
                               .json = json});
}

result<StockEvent> decode_stock(StockType type, std::string_view body) {
    auto event = from_json<StockEvent>(std::string{"{"}.append(body));
    if (!event) return fail(errc::unreadable, event.error().field, event.error().detail);
    event->type = type;
    if ((type == StockType::set) != event->order_id.empty() ||
        (type == StockType::set) != (event->product_id > 0))
        return fail(errc::unreadable, "orderId", "is missing or not what this type of event has");
    return event;
}

result<StockEvent> decode_stock(const event::Event& stored) {
    std::string scratch;
    const auto body = stock_as_written.body(stored, scratch);
    if (!body) return tl::unexpected{body.error()};
    return decode_stock(static_cast<StockType>(stored.type_index()), *body);
}

result<void> check_stored_stock(const event::Event& draft) {
    if (draft.stream_id() != stock_stream) return fail(errc::unreadable, "streamId", "there is one stock");
    const auto read = decode_stock(draft);
    if (!read) return tl::unexpected{read.error()};
    return {};
}

std::string encode_product(std::int64_t id, const Product& product) {
    return to_json(SavedProduct{id, product});
}

std::string encode_stock(const Stock& stock) {
    std::string out = "{\"products\":[";
    for (const auto& [id, product] : stock.products) {
        if (out.back() != '[') out += ',';
        write_fields(out, SavedProduct{id, product});
    }
    out += "],\"held\":[";
    // One state is one text, whatever the table's order.
    std::vector<const decltype(stock.held)::value_type*> orders;
    for (const auto& held : stock.held) orders.push_back(&held);
    std::ranges::sort(orders, {}, [](const auto* held) -> const std::string& { return held->first; });
    for (const auto* held : orders) {
        if (out.back() != '[') out += ',';
        write_fields(out, SavedOrder{held->first, held->second});
    }
    return out += "]}";
}

std::optional<Stock> load_stock(std::string_view saved) {
    constexpr std::array<std::string_view, 2> names{"products", "held"};
    const auto lists = event::read_members(saved, names);
    if (!lists) return std::nullopt;
    Stock stock;
    std::string_view element;
    event::JsonReader products{(*lists)[0]}, held{(*lists)[1]};
    if (!products.open_array() || !held.open_array()) return std::nullopt;
    while (products.next_element(element)) {
        auto product = from_json<SavedProduct>(element);
        if (!product) return std::nullopt;
        stock.products[product->product_id] = std::move(product->product);
    }
    while (held.next_element(element)) {
        auto order = from_json<SavedOrder>(element);
        if (!order) return std::nullopt;
        stock.held[order->order_id] = std::move(order->items);
    }
    if (products.failed() || held.failed()) return std::nullopt;
    return stock;
}

void StockAggregate::evolve(const event::Event& event, std::string_view body) {
    const auto read = decode_stock(static_cast<StockType>(event.type_index()), body);
    if (read)
        shop::evolve(stock_, *read);
    else
        broken_ = true;
}

bool StockAggregate::restore(std::string_view saved) {
    auto read = load_stock(saved);
    if (read) stock_ = std::move(*read);
    return read.has_value();
}

flow::AggregateKind stock_kind() {
    // A snapshot says of each order that is under way what it holds, and stays in the journal.
    constexpr std::uint32_t snapshot_every = 10'000;
    return {&stock_category, &stock_as_written, 1, snapshot_every,
            [] { return std::make_unique<StockAggregate>(); }};
}

}  // namespace stepcast::shop

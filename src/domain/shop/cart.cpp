#include "domain/shop/cart.hpp"

#include <algorithm>

#include "event/json_reader.hpp"

namespace stepcast::shop {
namespace {

using CartType = CartEventType;

const event::Upcasters cart_as_written;  // no type has ever changed

void write_items(std::string& out, const std::vector<CartItem>& items) {
    out += '[';
    for (const auto& item : items) {
        if (out.back() != '[') out += ',';
        write_fields(out, item);
    }
    out += ']';
}

std::optional<std::vector<CartItem>> read_items(std::string_view list) {
    std::vector<CartItem> items;
    event::JsonReader reader{list};
    if (!reader.open_array()) return std::nullopt;
    std::string_view element;
    while (reader.next_element(element)) {
        auto item = from_json<CartItem>(element);
        if (!item) return std::nullopt;
        items.push_back(std::move(*item));
    }
    if (reader.failed()) return std::nullopt;
    return items;
}

// Of amounts that no order could have either.
std::int64_t total_of(const Cart& cart) {
    std::int64_t total = 0, cost = 0;
    for (const auto& item : cart.items) {
        if (__builtin_mul_overflow(item.price, item.quantity, &cost) || cost > max_amount - total)
            return max_amount;
        total += cost;
    }
    return total;
}

}  // namespace

result<std::optional<CartEvent>> put_item(const Cart& cart, const CartItem& item) {
    const auto there = std::ranges::find(cart.items, item.product_id, &CartItem::product_id);
    if (there != cart.items.end() && *there == item) return std::nullopt;
    if (there == cart.items.end() && cart.items.size() >= max_cart_items)
        return fail(errc::invalid_field, "productId", "is one too many: a cart holds 100 products");
    return CartEvent{.type = CartType::set,
                     .product_id = item.product_id,
                     .name = item.name,
                     .price = item.price,
                     .quantity = item.quantity};
}

std::optional<CartEvent> remove_item(const Cart& cart, std::int64_t product_id) {
    if (std::ranges::find(cart.items, product_id, &CartItem::product_id) == cart.items.end())
        return std::nullopt;
    return CartEvent{.type = CartType::removed, .product_id = product_id};
}

void evolve(Cart& cart, const CartEvent& event) {
    cart.updated_at = event.at;
    cart.last_event = event.event_id;
    switch (event.type) {
        case CartType::set: {
            CartItem item{event.product_id, event.name, event.price, event.quantity};
            const auto there = std::ranges::find(cart.items, event.product_id, &CartItem::product_id);
            if (there == cart.items.end())
                cart.items.push_back(std::move(item));
            else
                *there = std::move(item);
            break;
        }
        case CartType::removed:
            std::erase_if(cart.items, [&](const auto& item) { return item.product_id == event.product_id; });
            break;
        case CartType::ordered:
            cart.items.clear();
            break;
    }
}

event::Draft make_draft(const CartEvent& event) {
    const auto json = to_json(event);
    return event::Event::make({.category = &cart_category,
                               .type = static_cast<std::uint8_t>(event.type),
                               .stream_id = domain::inside(json, event.user_id),
                               .id = domain::inside(json, event.event_id),
                               .subject = domain::inside(json, event.user_id),
                               .json = json});
}

result<CartEvent> decode_cart(CartType type, std::string_view body) {
    auto event = from_json<CartEvent>(std::string{"{"}.append(body));
    if (!event) return fail(errc::unreadable, event.error().field, event.error().detail);
    event->type = type;
    if ((type == CartType::ordered) == event->order_id.empty())
        return fail(errc::unreadable, "orderId", "is missing or not what this type of event has");
    if ((type == CartType::ordered) == (event->product_id > 0))
        return fail(errc::unreadable, "productId", "is missing or not what this type of event has");
    if ((type == CartType::set) != (event->quantity > 0))
        return fail(errc::unreadable, "quantity", "is missing or not what this type of event has");
    return event;
}

result<CartEvent> decode_cart(const event::Event& stored) {
    std::string scratch;
    const auto body = cart_as_written.body(stored, scratch);
    if (!body) return tl::unexpected{body.error()};
    return decode_cart(static_cast<CartType>(stored.type_index()), *body);
}

result<void> check_stored_cart(const event::Event& draft) {
    const auto read = decode_cart(draft);
    if (!read) return tl::unexpected{read.error()};
    if (read->user_id != draft.stream_id() || read->event_id != draft.id())
        return fail(errc::unreadable, "userId", "is another than that of the stream");
    return {};
}

std::string encode_cart(std::string_view user_id, const Cart& cart, event::Version version) {
    std::string out;
    domain::Object whole{out};
    whole.text("userId", user_id);
    write_items(whole.member("items"), cart.items);
    whole.number("totalAmount", total_of(cart)).number("version", version);
    if (version != 0) whole.time("updatedAt", cart.updated_at);
    whole.end();
    return out;
}

void CartAggregate::evolve(const event::Event& event, std::string_view body) {
    const auto read = decode_cart(static_cast<CartType>(event.type_index()), body);
    if (read)
        shop::evolve(cart_, *read);
    else
        broken_ = true;
}

std::string CartAggregate::save() const {
    std::string out;
    domain::Object whole{out};
    write_items(whole.member("items"), cart_.items);
    whole.time("updatedAt", cart_.updated_at).text("lastEventId", cart_.last_event).end();
    return out;
}

bool CartAggregate::restore(std::string_view saved) {
    constexpr std::array<std::string_view, 3> names{"items", "updatedAt", "lastEventId"};
    const auto values = event::read_members(saved, names);
    if (!values) return false;
    auto items = read_items((*values)[0]);
    Cart cart;
    if (!items || !read_field((*values)[1], cart.updated_at).empty() ||
        !read_field((*values)[2], cart.last_event).empty())
        return false;
    cart.items = std::move(*items);
    cart_ = std::move(cart);
    return true;
}

flow::AggregateKind cart_kind() {
    return {&cart_category, &cart_as_written, 1, 100, [] { return std::make_unique<CartAggregate>(); }};
}

}  // namespace stepcast::shop

#include "domain/shop/fields.hpp"

#include "event/json_reader.hpp"

namespace stepcast::shop {
namespace {

bool take_whole(std::string_view value, std::int64_t least, std::int64_t& out) {
    const auto number = event::is_json_integer(value) ? event::json_whole(value) : std::nullopt;
    out = number.value_or(0);
    return number && out >= least && out <= max_amount;
}

}  // namespace

void write_field(domain::Object& out, std::string_view name, const std::string& value, Need need) {
    if (need == must)
        out.text(name, value);
    else
        out.maybe(name, value);
}

void write_field(domain::Object& out, std::string_view name, std::int64_t value, Need need) {
    if (need == must || value != 0) out.number(name, value);
}

void write_field(domain::Object& out, std::string_view name, Timestamp value, Need) {
    out.time(name, value);
}

void write_field(domain::Object& out, std::string_view name, const std::vector<OrderItem>& value, Need need) {
    if (need == may && value.empty()) return;
    std::string& text = out.member(name) += '[';
    for (const auto& item : value) {
        if (text.back() != '[') text += ',';
        domain::Object{text}
            .number("productId", item.product_id)
            .number("quantity", item.quantity)
            .number("price", item.price)
            .end();
    }
    text += ']';
}

std::string_view read_field(std::string_view value, std::string& out) {
    const auto text = event::json_text(value);
    if (!text) return "must be a string";
    out = *text;
    return event::fault_of_text(out);
}

std::string_view read_field(std::string_view value, std::int64_t& out) {
    return take_whole(value, 0, out) ? "" : "must be a whole number from 0 to 9007199254740991";
}

std::string_view read_field(std::string_view value, Timestamp& out) {
    const auto time = parse_rfc3339(event::json_text(value).value_or(""));
    if (time) out = *time;
    return time ? "" : "must be a time (RFC 3339)";
}

std::string_view read_field(std::string_view value, std::vector<OrderItem>& out) {
    constexpr std::size_t max_items = 100;
    constexpr std::array<std::string_view, 3> names{"productId", "quantity", "price"};
    out.clear();
    event::JsonReader reader{value};
    if (!reader.open_array()) return "must be a list";
    std::string_view element;
    while (reader.next_element(element)) {
        if (out.size() == max_items) return "must have at most 100 items";
        const auto values = event::read_members(element, names);
        if (!values) return "must be a list of objects";
        OrderItem item;
        if (!take_whole((*values)[0], 1, item.product_id)) return "productId must be a whole number above 0";
        if (!take_whole((*values)[1], 1, item.quantity)) return "quantity must be a whole number above 0";
        if (!(*values)[2].empty() && !take_whole((*values)[2], 0, item.price))
            return "price must be a whole number of won";
        out.push_back(item);
    }
    return reader.failed() ? "must be a list" : "";
}

result<std::vector<std::pair<std::string_view, std::string_view>>> members_of(std::string_view json) {
    std::vector<std::pair<std::string_view, std::string_view>> members;
    const auto text = event::received_json(json);
    if (!text) return fail(errc::malformed, {}, text.error().detail);
    event::JsonReader reader{*text};
    if (!reader.open_object()) return fail(errc::malformed, {}, "must be a JSON object");
    std::string_view name, value;
    while (reader.next_member(name, value)) members.emplace_back(name.substr(1, name.size() - 2), value);
    if (reader.failed()) return fail(errc::malformed, {}, reader.error().detail);
    return members;
}

}  // namespace stepcast::shop

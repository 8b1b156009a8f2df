#include <fmt/format.h>
#include <array>

#include "base/text.hpp"
#include "domain/progress/codec.hpp"
#include "domain/progress/orders.hpp"
#include "event/json_reader.hpp"

namespace stepcast::progress {
namespace {

enum Name : std::size_t { task_id, user_id, product_name, quantity, timestamp };
constexpr std::array<std::string_view, 5> names{"taskId", "userId", "productName", "quantity", "timestamp"};
using Values = std::array<std::string_view, names.size()>;

result<void> read_text(const Values& values, Name name, std::string& out) {
    const auto value = values[name];
    if (value.empty()) return fail(errc::invalid_field, std::string{names[name]}, "is required");
    if (!event::is_json_string(value))
        return fail(errc::invalid_field, std::string{names[name]}, "must be a string");
    event::append_json_content(out, value);
    return {};
}

result<void> read_id(const Values& values, Name name, std::string& out) {
    if (auto read = read_text(values, name, out); !read) return read;
    return check_id(out, names[name]);
}

// What a caller's form and a record of the topic have in common.
result<void> read_form(const Values& values, std::string_view sender, Order& order) {
    if (values[user_id].empty() && !sender.empty())
        order.user_id = sender;
    else if (auto read = read_id(values, user_id, order.user_id); !read)
        return read;
    if (auto read = read_text(values, product_name, order.product_name); !read) return read;
    if (auto checked = check_product_name(order.product_name); !checked) return checked;
    const auto value = values[quantity];
    if (value.empty()) return fail(errc::invalid_field, "quantity", "is required");
    const auto number = event::json_whole(value);
    if (!number || *number < 1 || *number > max_quantity)
        return fail(errc::invalid_field, "quantity", "must be a whole number of at least 1");
    order.quantity = *number;
    return {};
}

result<Values> read_values(std::string_view text) {
    const auto json = event::received_json(text);
    if (!json) return fail(errc::malformed, {}, json.error().detail);
    auto values = event::read_members(*json, names);
    if (!values) return fail(errc::malformed, {}, values.error().detail);
    return values;
}

}  // namespace

result<void> check_product_name(std::string_view name) {
    if (name.empty()) return fail(errc::invalid_field, "productName", "must not be empty");
    if (!valid_utf8(name)) return fail(errc::invalid_field, "productName", "must be valid UTF-8");
    if (count_code_points(name) > max_product_name_characters)
        return fail(errc::invalid_field, "productName",
                    fmt::format("must have at most {} characters", max_product_name_characters));
    if (has_control(name))
        return fail(errc::invalid_field, "productName", "must not contain control characters");
    return {};
}

std::string encode_order(const Order& order) {
    std::string out = "{\"taskId\":";
    event::append_json_string(out, order.task_id);
    out += ",\"userId\":";
    event::append_json_string(out, order.user_id);
    out += ",\"productName\":";
    event::append_json_string(out, order.product_name);
    return out.append(fmt::format(",\"quantity\":{},\"timestamp\":\"{}\"}}", order.quantity,
                                  format_rfc3339(order.timestamp)));
}

result<Order> decode_order(std::string_view text) {
    const auto values = read_values(text);
    if (!values) return tl::unexpected{values.error()};
    Order order;
    if (auto read = read_id(*values, task_id, order.task_id); !read) return tl::unexpected{read.error()};
    if (auto read = read_form(*values, {}, order); !read) return tl::unexpected{read.error()};
    if (const auto sent = event::json_text((*values)[timestamp]))
        order.timestamp = parse_rfc3339(*sent).value_or(Timestamp{});
    return order;
}

result<Order> decode_order_form(std::string_view body, std::string_view sender) {
    const auto values = read_values(body);
    if (!values) return tl::unexpected{values.error()};
    Order order;
    if (auto read = read_form(*values, sender, order); !read) return tl::unexpected{read.error()};
    return order;
}

}  // namespace stepcast::progress

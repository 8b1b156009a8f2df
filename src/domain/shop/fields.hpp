#pragma once
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "domain/object.hpp"
#include "domain/shop/order.hpp"
#include "event/ids.hpp"

namespace stepcast::shop {

// A class that travels as a JSON object names its members once, for both ways:
//   template <class Self, class F> static void fields(Self& self, F f) { f("orderId", self.order_id, must); …
//   }

enum class Need : std::uint8_t { may, must };
inline constexpr Need may = Need::may;
inline constexpr Need must = Need::must;

/// Values that are empty, or 0 and may be absent, are left out.
void write_field(domain::Object& out, std::string_view name, const std::string& value, Need need);
void write_field(domain::Object& out, std::string_view name, std::int64_t value, Need need);
void write_field(domain::Object& out, std::string_view name, Timestamp value, Need need);
void write_field(domain::Object& out, std::string_view name, const std::vector<OrderItem>& value, Need need);

/// Reads the text of a value. Empty, or what is wrong with it.
std::string_view read_field(std::string_view value, std::string& out);
std::string_view read_field(std::string_view value, std::int64_t& out);
std::string_view read_field(std::string_view value, Timestamp& out);
std::string_view read_field(std::string_view value, std::vector<OrderItem>& out);

/// The members of an object, each with its name and the text of its value. Or what is no JSON object.
result<std::vector<std::pair<std::string_view, std::string_view>>> members_of(std::string_view json);

template <class T>
void write_fields(std::string& out, const T& whole) {
    domain::Object object{out};
    T::fields(whole, [&](std::string_view name, const auto& value, Need need) {
        write_field(object, name, value, need);
    });
    object.end();
}

template <class T>
std::string to_json(const T& whole) {
    std::string out;
    write_fields(out, whole);
    return out;
}

/// Reads what others may have written; members of other names are passed over. Errors name the field.
template <class T>
result<T> from_json(std::string_view json) {
    const auto members = members_of(json);
    if (!members) return tl::unexpected{members.error()};
    T whole;
    result<void> read;
    T::fields(whole, [&](std::string_view name, auto& value, Need need) {
        std::string_view fault = need == must ? "is required" : "";
        for (const auto& [its_name, text] : *members)
            if (its_name == name && text != "null") fault = read_field(text, value);
        if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, std::string>)
            if (fault.empty() && name.ends_with("Id") && !(need == may && value.empty()))
                fault = event::fault_of_id(value);
        if (read && !fault.empty()) read = fail(errc::invalid_field, std::string{name}, std::string{fault});
    });
    if (!read) return tl::unexpected{std::move(read.error())};
    return whole;
}

}  // namespace stepcast::shop

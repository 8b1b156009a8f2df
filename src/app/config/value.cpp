#include "app/config/value.hpp"

#include <algorithm>
#include <bit>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.hpp"

namespace stepcast::app {
namespace {

using Outcome = result<void, std::string>;

Outcome wrong(std::string why) {
    return tl::unexpected(std::move(why));
}

std::string checked(const Key& key, std::string_view text) {
    const auto why = key.check != nullptr ? key.check(text) : std::string_view{};
    return why.empty() ? std::string{} : fmt::format("{}, not \"{}\"", why, text);
}

Outcome store_text(const Key& key, std::string& place, std::string text) {
    if (!key.choices.empty()) {
        if (std::ranges::find(key.choices, text) == key.choices.end())
            return wrong(fmt::format("must be one of {}, not \"{}\"", fmt::join(key.choices, ", "), text));
    } else if (!valid_utf8(text) || has_control(text)) {
        return wrong("must be text without control characters");
    } else if (std::cmp_less(text.size(), key.min) || std::cmp_greater(text.size(), key.max)) {
        return wrong(fmt::format("must have {} to {} bytes", key.min, key.max));
    } else if (const auto why = checked(key, text); !why.empty()) {
        return wrong(why);
    }
    place = std::move(text);
    return {};
}

Outcome store(const Key& key, std::string& place, const toml::node& value) {
    auto text = scalar_text(value);
    return text ? store_text(key, place, std::move(*text)) : wrong("must be text");
}

Outcome store(const Key&, bool& place, const toml::node& value) {
    if (!value.is_boolean()) return wrong("must be true or false");
    place = **value.as_boolean();
    return {};
}

Outcome store(const Key& key, int& place, const toml::node& value) {
    const auto number = value.is_integer() ? value.value<std::int64_t>() : std::nullopt;
    if (!number || *number < key.min || *number > key.max)
        return wrong(fmt::format("must be a whole number from {} to {}", key.min, key.max));
    if (key.power_of_two && !std::has_single_bit(static_cast<std::uint64_t>(*number)))
        return wrong("must be a power of two");
    place = static_cast<int>(*number);
    return {};
}

Outcome store(const Key& key, Duration& place, const toml::node& value) {
    const auto text = value.value<std::string>();
    const auto duration = text ? parse_duration(*text) : std::nullopt;
    if (!duration || duration->count() < key.min || duration->count() > key.max)
        return wrong(
            fmt::format("must be a duration such as \"300ms\", \"30s\", \"24h\" or \"7d\", from {} to {}",
                        format_duration(Duration{key.min}), format_duration(Duration{key.max})));
    place = *duration;
    return {};
}

Outcome store(const Key& key, std::uint64_t& place, const toml::node& value) {
    // A bare count of bytes is a number in TOML.
    const auto text = value.is_string() || value.is_integer() ? scalar_text(value) : std::nullopt;
    const auto size = text ? parse_size(*text) : std::nullopt;
    if (!size || std::cmp_less(*size, key.min) || std::cmp_greater(*size, key.max))
        return wrong(fmt::format("must be a size such as \"64MiB\", from {} to {}",
                                 format_size(static_cast<std::uint64_t>(key.min)),
                                 format_size(static_cast<std::uint64_t>(key.max))));
    place = *size;
    return {};
}

Outcome store(const Key& key, std::vector<std::string>& place, const toml::node& value) {
    std::vector<std::string> texts;
    const auto* array = value.as_array();
    if (array == nullptr) return wrong("must be a list of texts, such as [\"a\", \"b\"]");
    for (const auto& element : *array) {
        const auto text = element.value<std::string>();
        if (!element.is_string() || !text) return wrong("must be a list of texts, such as [\"a\", \"b\"]");
        if (const auto why = checked(key, *text); !why.empty()) return wrong(why);
        texts.push_back(*text);
    }
    place = std::move(texts);
    return {};
}

template <class Value>
std::string print_node(const Value& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

// JSON's escapes are all legal in TOML's basic strings.
std::string quoted(const std::string& text) {
    return boost::json::serialize(boost::json::string{text});
}

}  // namespace

std::optional<std::string> scalar_text(const toml::node& value) {
    if (const auto* text = value.as_string()) return text->get();
    if (const auto* number = value.as_floating_point()) return fmt::format("{}", number->get());
    if (const auto* number = value.as_integer()) return fmt::format("{}", number->get());
    if (const auto* flag = value.as_boolean()) return flag->get() ? "true" : "false";
    if (const auto* date = value.as_date()) return print_node(*date);
    if (const auto* time = value.as_time()) return print_node(*time);
    if (const auto* moment = value.as_date_time()) return print_node(*moment);
    return std::nullopt;
}

Outcome assign(const Setting& setting, const toml::node& value) {
    return std::visit([&](auto* place) { return store(*setting.key, *place, value); }, setting.place);
}

Outcome assign_text(const Setting& setting, std::string_view text) {
    if (auto* const* place = std::get_if<std::string*>(&setting.place)) {
        // 2024-01-01, 1e5 and true stay what was typed; only quotes are taken off.
        if (!text.starts_with('"') && !text.starts_with('\''))
            return store_text(*setting.key, **place, std::string{text});
    }
    try {
        const toml::table table = toml::parse("v = " + std::string{text});
        if (table.size() == 1) return assign(setting, *table.get("v"));
    } catch (const toml::parse_error&) {
        // Not TOML: bare text, as in --set orders.step_delay=30ms.
    }
    return assign(setting, toml::value<std::string>{std::string{text}});
}

std::string format_value(const Field& field) {
    struct Print {
        std::string operator()(const std::string* v) const { return quoted(*v); }
        std::string operator()(const bool* v) const { return *v ? "true" : "false"; }
        std::string operator()(const int* v) const { return fmt::format("{}", *v); }
        std::string operator()(const Duration* v) const { return quoted(format_duration(*v)); }
        std::string operator()(const std::uint64_t* v) const { return quoted(format_size(*v)); }
        std::string operator()(const std::vector<std::string>* v) const {
            std::vector<std::string> all;
            std::ranges::transform(*v, std::back_inserter(all), quoted);
            return fmt::format("[{}]", fmt::join(all, ", "));
        }
    };
    return std::visit(Print{}, field);
}

}  // namespace stepcast::app

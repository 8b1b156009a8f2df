#include "auth/json.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include "base/text.hpp"

namespace stepcast::auth {

std::optional<boost::json::object> parse_object(std::string_view text, boost::json::storage_ptr memory) {
    boost::json::parse_options limits;
    limits.max_depth = 16;
    boost::json::error_code error;
    auto value = boost::json::parse({text.data(), text.size()}, error, std::move(memory), limits);
    if (error || !value.is_object()) return std::nullopt;
    return std::move(value.get_object());
}

const boost::json::string* text_member(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains({name.data(), name.size()});
    return value == nullptr ? nullptr : value->if_string();
}

std::string shown(std::string_view text) {
    constexpr std::size_t longest = 64;
    if (text.empty() || text.size() > longest || !valid_utf8(text) || has_control(text))
        return "a text that is not shown";
    return fmt::format("\"{}\"", text);
}

}  // namespace stepcast::auth

#include "proof/prove/answer_fields.hpp"

namespace stepcast::proof {

namespace json = boost::json;

json::value parsed(const std::string& text) {
    json::error_code error;
    auto value = json::parse(text, error);
    return error ? json::value{} : value;
}

std::string member_text(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

std::int64_t member_number(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

const json::object& member_object(const json::object& object, std::string_view name) {
    static const json::object none;
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_object() ? value->get_object() : none;
}

std::vector<const json::object*> objects_of(const json::value& value) {
    std::vector<const json::object*> all;
    if (!value.is_array()) return all;
    for (const auto& one : value.get_array())
        if (one.is_object()) all.push_back(&one.get_object());
    return all;
}

}  // namespace stepcast::proof

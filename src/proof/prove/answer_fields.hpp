#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stepcast::proof {

// What an answer says, as far as it says it: a server under proof is not trusted to.

/// Null if it is no JSON.
boost::json::value parsed(const std::string& text);
/// Empty if there is no such text.
std::string member_text(const boost::json::object& object, std::string_view name);
/// 0 if there is no such whole number.
std::int64_t member_number(const boost::json::object& object, std::string_view name);
/// Empty if there is no such object.
const boost::json::object& member_object(const boost::json::object& object, std::string_view name);
/// The objects of an array; none of anything else.
std::vector<const boost::json::object*> objects_of(const boost::json::value& value);

}  // namespace stepcast::proof

#pragma once
#include <boost/json/object.hpp>
#include <boost/json/storage_ptr.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::auth {

/// The JSON object that `text` is, at most 16 levels deep, in memory of `memory`; empty if it is none.
///
/// Boost.JSON's tables can be slowed down by chosen names: what a stranger wrote must be short, and what is
/// long must be signed.
std::optional<boost::json::object> parse_object(std::string_view text, boost::json::storage_ptr memory = {});

/// The member's text; null if it is absent or no text.
const boost::json::string* text_member(const boost::json::object& object, std::string_view name);

/// A stranger's text for a message: in quotes if it is short and printable.
std::string shown(std::string_view text);

}  // namespace stepcast::auth

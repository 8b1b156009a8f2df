#pragma once
#include <boost/json/value.hpp>
#include <string>

namespace stepcast::app {

/// What differs from one JSON value to another, as a JSON array: `{"path":"/balance","before":1,"after":2}`,
/// in the order of the second value, then what is gone. `path` is a JSON pointer (RFC 6901); what is new has
/// no `before`, what is gone no `after`. Lists are compared place by place.
std::string json_changes(const boost::json::value& before, const boost::json::value& after);

}  // namespace stepcast::app

#pragma once
#include <concepts>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "base/time.hpp"
#include "event/json.hpp"

namespace stepcast::domain {

/// Writes one JSON object, member by member.
class Object {
  public:
    explicit Object(std::string& out) : out_{out} { out_ += '{'; }

    Object& text(std::string_view name, std::string_view value) {
        event::append_json_string(member(name), value);
        return *this;
    }
    /// Nothing for an empty one.
    Object& maybe(std::string_view name, std::string_view value) {
        return value.empty() ? *this : text(name, value);
    }
    template <std::integral N>
    Object& number(std::string_view name, N value) {
        append_number(member(name), value);
        return *this;
    }
    Object& time(std::string_view name, Timestamp value) { return text(name, format_rfc3339(value)); }
    /// What follows is written as its value.
    std::string& member(std::string_view name) {
        if (out_.back() != '{') out_ += ',';
        out_.append("\"").append(name).append("\":");
        return out_;
    }
    void end() { out_ += '}'; }

  private:
    std::string& out_;
};

/// An id as a segment of a path: what may not stand there (RFC 3986 §2.3) is escaped.
std::string path_segment(std::string_view id);

/// The id as it stands in the JSON: an event then keeps no second copy.
inline std::string_view inside(std::string_view json, std::string_view id) {
    const auto at = json.find(id, 1);
    return at == std::string_view::npos ? id : json.substr(at, id.size());
}

}  // namespace stepcast::domain

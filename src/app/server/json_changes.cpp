#include "app/server/json_changes.hpp"

#include <boost/json.hpp>

#include "event/json.hpp"

namespace stepcast::app {
namespace {

namespace json = boost::json;

class Changes {
  public:
    Changes() : out_{"["} {}

    void compare(const std::string& path, const json::value* before, const json::value* after) {
        if (before != nullptr && after != nullptr && *before == *after) return;
        if (before != nullptr && after != nullptr && before->is_object() && after->is_object())
            return compare_members(path, before->get_object(), after->get_object());
        if (before != nullptr && after != nullptr && before->is_array() && after->is_array())
            return compare_places(path, before->get_array(), after->get_array());
        if (out_.size() > 1) out_ += ',';
        event::append_json_string(out_ += "{\"path\":", path);
        add("before", before);
        add("after", after);
        out_ += '}';
    }
    std::string end() && { return std::move(out_ += ']'); }

  private:
    void compare_members(const std::string& path, const json::object& before, const json::object& after) {
        for (const auto& member : after)
            compare(below(path, member.key()), before.if_contains(member.key()), &member.value());
        for (const auto& member : before)
            if (!after.contains(member.key())) compare(below(path, member.key()), &member.value(), nullptr);
    }
    void compare_places(const std::string& path, const json::array& before, const json::array& after) {
        for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i)
            compare(below(path, std::to_string(i)), before.if_contains(i), after.if_contains(i));
    }
    static std::string below(std::string path, std::string_view name) {
        path += '/';
        for (const char c : name) {
            if (c == '~')
                path += "~0";
            else if (c == '/')
                path += "~1";
            else
                path += c;
        }
        return path;
    }
    void add(std::string_view name, const json::value* value) {
        if (value == nullptr) return;
        out_.append(",\"").append(name).append("\":");
        event::append_json_value(out_, *value);
    }

    std::string out_;
};

}  // namespace

std::string json_changes(const json::value& before, const json::value& after) {
    Changes changes;
    changes.compare("", &before, &after);
    return std::move(changes).end();
}

}  // namespace stepcast::app

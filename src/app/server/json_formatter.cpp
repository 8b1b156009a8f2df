#include "app/server/json_formatter.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "base/time.hpp"

namespace stepcast::app {
namespace {

/// Bytes beyond ASCII become '?' when the text as a whole is no UTF-8: rare, and better than a line nobody
/// can parse.
std::string printable(std::string_view text) {
    std::string copy{text};
    if (valid_utf8(copy)) return copy;
    for (char& c : copy)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return copy;
}

}  // namespace

void JsonFormatter::format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) {
    const auto level = spdlog::level::to_string_view(message.level);
    std::string line = R"({"time":")";
    line += format_rfc3339(std::chrono::time_point_cast<std::chrono::milliseconds>(message.time));
    line += R"(","level":")";
    line.append(level.data(), level.size());
    line += R"(","message":)";
    line += boost::json::serialize(
        boost::json::string{printable({message.payload.data(), message.payload.size()})});
    line += "}\n";
    out.append(line.data(), line.data() + line.size());
}

}  // namespace stepcast::app

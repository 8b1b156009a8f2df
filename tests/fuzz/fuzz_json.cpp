// Any bytes as JSON: refused, or a value that is written on one line and reads the same again; by the reader
// that builds nothing just as by the one that builds a tree.
#include <boost/json.hpp>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/text.hpp"
#include "event/json_reader.hpp"

namespace {

using boost::json::value;

bool same(const value& a, const value& b) {
    if (a.is_number() || (a.is_double() && b.is_null())) {
        const double x = a.to_number<double>();
        // Boost.JSON makes no number of 0e999, which is 0, and refuses it with a longer exponent.
        if (std::isnan(x) && b.is_number()) return b.to_number<double>() == 0;
        if (!std::isfinite(x)) return b.is_null();
        // Boost.JSON reads doubles to within a unit or two of the last place.
        return b.is_number() && std::abs(x - b.to_number<double>()) <= std::abs(x) * 1e-12;
    }
    if (a.kind() != b.kind()) return false;
    if (a.is_array()) {
        const auto &x = a.get_array(), &y = b.get_array();
        if (x.size() != y.size()) return false;
        for (std::size_t i = 0; i < x.size(); ++i)
            if (!same(x[i], y[i])) return false;
        return true;
    }
    if (a.is_object()) {
        if (a.get_object().size() != b.get_object().size()) return false;
        for (const auto& [key, member] : a.get_object()) {
            const auto* other = b.get_object().if_contains(key);
            if (other == nullptr || !same(member, *other)) return false;
        }
        return true;
    }
    return a == b;
}

// What the reader takes, in its normal form; nothing if it refuses.
std::optional<std::string> normal(std::string_view text) {
    using namespace stepcast;
    const auto json = event::received_json(text);
    std::string_view value;
    std::string out;
    if (!json || !event::JsonReader{*json}.only_value(value)) return std::nullopt;
    if (event::append_json_normal(out, value, event::Members::as_given, 1 << 20) != event::Normal::written)
        return std::nullopt;
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stepcast;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto received = event::received_json(text);
    const auto read = event::parse_json(received ? *received : text);  // the tree knows no byte order mark
    const auto form = normal(text);
    const bool overflow = !read && read.error().detail.find("exponent overflow") != std::string::npos;
    if (form && ((!read && !overflow) || normal(*form) != form)) std::abort();
    if (form && read && !same(*read, event::parse_json(*form).value())) std::abort();
    if (!read) return 0;
    std::string written;
    event::append_json_value(written, *read);
    for (const char c : written)
        if (static_cast<unsigned char>(c) < 0x20) std::abort();
    if (!valid_utf8(written)) std::abort();
    const auto again = event::parse_json(written);
    if (!again || !same(*read, *again)) std::abort();
    return 0;
}

#include "auth/algorithm.hpp"

#include <algorithm>
#include <array>

namespace stepcast::auth {
namespace {

constexpr std::array<std::string_view, algorithm_count> names{"HS256", "HS384", "HS512", "RS256", "PS256",
                                                              "ES256", "ES384", "ES512", "EdDSA"};

}  // namespace

std::string_view name_of(Algorithm algorithm) {
    return names[static_cast<std::size_t>(algorithm)];
}

std::optional<Algorithm> parse_algorithm(std::string_view name) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return std::nullopt;
    return static_cast<Algorithm>(found - names.begin());
}

std::string Algorithms::text() const {
    std::string text;
    for (std::size_t i = 0; i < algorithm_count; ++i) {
        if (!has(static_cast<Algorithm>(i))) continue;
        if (!text.empty()) text += " or ";
        text += names[i];
    }
    return text;
}

}  // namespace stepcast::auth

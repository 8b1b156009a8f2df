#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::auth {

/// How a token is signed (RFC 7518 section 3, RFC 8037 with Ed25519). `none` is not among them.
enum class Algorithm : std::uint8_t { hs256, hs384, hs512, rs256, ps256, es256, es384, es512, eddsa };
inline constexpr std::size_t algorithm_count = 9;

/// As a token's `alg` says it.
std::string_view name_of(Algorithm algorithm);
std::optional<Algorithm> parse_algorithm(std::string_view name);

/// Some of them.
class Algorithms {
  public:
    constexpr Algorithms() = default;
    constexpr Algorithms(std::initializer_list<Algorithm> some) {
        for (const auto algorithm : some) add(algorithm);
    }

    constexpr void add(Algorithm algorithm) { bits_ |= bit(algorithm); }
    constexpr bool has(Algorithm algorithm) const { return (bits_ & bit(algorithm)) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    bool operator==(const Algorithms&) const = default;
    /// "RS256 or PS256".
    std::string text() const;

  private:
    static constexpr unsigned bit(Algorithm algorithm) { return 1u << static_cast<unsigned>(algorithm); }

    unsigned bits_ = 0;
};

}  // namespace stepcast::auth

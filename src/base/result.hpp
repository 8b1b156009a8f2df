#pragma once
#include <string>
#include <system_error>
#include <tl/expected.hpp>
#include <utility>

namespace stepcast {

/// Why something was refused or failed. `code` is for programs (each module has its own errc and category),
/// `field` names the offending input ("[3].percentage") where there is one, `detail` is one sentence for
/// people.
struct Error {
    std::error_code code;
    std::string field{};
    std::string detail{};

    /// "field: detail (code)" for logs.
    std::string text() const;
};

/// The value, or why there is none. Expected refusals travel as results; exceptions mean bugs or dead
/// infrastructure.
template <class T, class E = Error>
class [[nodiscard]] result : public tl::expected<T, E> {
  public:
    using tl::expected<T, E>::expected;
    result(tl::expected<T, E> other) : tl::expected<T, E>(std::move(other)) {}  // NOLINT: implicit on purpose
};

/// An error as a result of any type: `return fail(errc::too_large, "body", "…")`.
inline tl::unexpected<Error> fail(std::error_code code, std::string field = {}, std::string detail = {}) {
    return tl::unexpected<Error>(Error{code, std::move(field), std::move(detail)});
}

}  // namespace stepcast

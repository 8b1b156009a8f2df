#pragma once
#include <optional>

#include "http/route.hpp"

namespace stepcast::http {

/// Judges each request by the rule of its row, in one place: before the handler, and before a body is read.
/// Immutable while the server runs; any thread.
class AccessPolicy {
  public:
    /// The refusal if the rule forbids the request. Fills `request.principal`.
    std::optional<Response> judge(Access rule, Request& request) const;
};

}  // namespace stepcast::http

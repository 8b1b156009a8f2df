#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace stepcast::http {

/// True for methods that change something: all but GET, HEAD and OPTIONS.
bool is_unsafe(Method method);

/// Which pages of other origins may call: those of an exact list. Immutable; any thread.
class CorsPolicy {
  public:
    explicit CorsPolicy(std::vector<std::string> origins) : origins_{std::move(origins)} {}

    /// Fills `request.answer_headers` with what a page of a listed origin needs to read the answer.
    void prepare(Request& request) const;

    /// False for a page of a foreign origin: not listed, not of the Host that was asked, and its browser does
    /// not say that it is of the same origin.
    bool allows(const Request& request) const;

    /// If this OPTIONS is the preflight of a listed origin, gives `response` what permits the call.
    void answer_preflight(const Request& request, std::string_view allowed_methods, Response& response) const;

  private:
    bool lists(std::string_view origin) const;

    std::vector<std::string> origins_;
};

}  // namespace stepcast::http

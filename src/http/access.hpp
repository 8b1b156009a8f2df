#pragma once
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "http/hosts.hpp"
#include "http/route.hpp"

namespace stepcast::http {

/// Judges each request by the rule of its row, in one place: before the handler, and before a body is read.
/// Immutable while the server runs; any thread.
class AccessPolicy {
  public:
    /// Who a token proves. The error's detail says for people why it proves nobody: with
    /// `auth::errc::unavailable`, that nobody knows yet, which is answered 503. Called on any thread.
    using Verify = std::function<result<auth::Principal>(std::string_view token)>;

    /// Auth is off: every caller is anonymous, and admin calls are for clients of this machine.
    AccessPolicy() = default;
    /// Callers prove who they are by `Authorization: Bearer`, or by the session cookie. What they change by a
    /// cookie must come from a page that says where it is from.
    explicit AccessPolicy(Verify verify) : verify_{std::move(verify)} {}
    /// Whoever reaches the server may call everything: of a port that only admins reach.
    static AccessPolicy of_admins();

    /// The refusal if the rule forbids the request. Fills `request.principal` if a rule asks for proof.
    /// `hosts`: under which names a client of this machine asks for itself.
    std::optional<Response> judge(Access rule, Request& request, const HostPolicy& hosts = {}) const;

  private:
    std::optional<Response> prove(Request& request) const;

    Verify verify_;
    bool of_admins_ = false;
};

/// The token of the request's one `Authorization: Bearer`; empty without one, and if it is malformed.
std::string_view bearer_token(const Request& request);

/// 403 not-owner unless what is asked for is the caller's own; an anonymous caller may ask for anybody's.
std::optional<Response> refuse_other(const Request& request, std::string_view user);

/// The caller may send events and orders for any user.
bool may_send_for_all(const Request& request);

/// 403 not-owner for who sends on behalf of another user without the scope `publish`. `field` names the
/// input.
std::optional<Response> refuse_sender(const Request& request, std::string_view user, std::string_view field);

/// `?userId=`, or who calls if that is absent; empty if neither is known.
std::string_view user_named(const Request& request);

}  // namespace stepcast::http

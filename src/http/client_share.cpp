#include "http/client_share.hpp"

#include <fmt/format.h>

#include "http/stream/sse_session.hpp"

namespace stepcast::http {

Response too_many_connections(std::string_view whose) {
    return Response::problem(
               429, "too-many-connections",
               fmt::format("one {0} may have no more of them at once (limits.{0}_connections)", whose))
        .with("Retry-After", "5");
}

bool ClientShare::hold_place(const Peer& peer) {
    if (of_address_ || limits_ == nullptr) return true;
    of_address_ = limits_->enter(peer, Limited::connections);
    return of_address_.has_value();
}

bool ClientShare::hold_user() {
    if (payer_.user == 0 || payer_.user == user_) return true;
    of_user_.reset();
    of_user_ = limits_->enter(payer_);
    user_ = of_user_ ? payer_.user : 0;
    return of_user_.has_value();
}

std::optional<Response> ClientShare::admit(const Request& request, const RouteInfo* info) {
    payer_ = {};
    if (limits_ == nullptr || (info != nullptr && info->any_host)) return std::nullopt;
    payer_ = limits_->payer_of(request);
    if (hold_user()) return limits_->admit(request, payer_);
    auto refusal = sse_turned_away(request, too_many_connections("user"));
    refusal.close = true;
    return refusal;
}

}  // namespace stepcast::http

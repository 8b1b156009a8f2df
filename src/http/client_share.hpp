#pragma once
#include <cstdint>
#include <optional>

#include "http/client_limits.hpp"
#include "http/message.hpp"
#include "http/route.hpp"

namespace stepcast::http {

/// 429 for who has as many connections as limits.* allow. `whose`: "address" or "user".
Response too_many_connections(std::string_view whose);

/// What one connection takes of what its address and its user may have: its place among theirs, and what its
/// requests cost. On the strand of its lane.
class ClientShare {
  public:
    /// `limits`: null if there are none; outlives this.
    explicit ClientShare(ClientLimits* limits) : limits_{limits} {}

    /// False if the address has as many connections as it may.
    bool hold_place(const Peer& peer);
    /// The refusal, if whoever asks has used up what it may. Those who ask for our health always may.
    std::optional<Response> admit(const Request& request, const RouteInfo* info);
    /// Takes off what the request that was admitted last has cost.
    void charge(Limited what, std::size_t cost) {
        if (cost > 0 && limits_ != nullptr) limits_->charge(payer_, what, cost);
    }

  private:
    bool hold_user();

    ClientLimits* const limits_;
    std::optional<ClientLimits::Hold> of_address_;
    std::optional<ClientLimits::Hold> of_user_;  ///< its place among those of `user_`
    std::uint64_t user_ = 0;                     ///< who last proved its name on it; 0: nobody
    ClientLimits::Payer payer_;                  ///< of the request that is being answered
};

}  // namespace stepcast::http

#include "store/memory/leases.hpp"

namespace stepcast::store {

std::optional<Fence> Leases::take(std::string_view name, std::string_view holder, Duration duration,
                                  Instant now) {
    auto found = leases_.find(name);
    if (found == leases_.end()) found = leases_.emplace(std::string{name}, Lease{}).first;
    Lease& lease = found->second;
    if (lease.holder != holder || lease.token == 0) {
        if (now < lease.until) return std::nullopt;
        lease.holder = holder;
        ++lease.token;
    }
    lease.until = now + duration;
    return Fence{found->first, lease.token};
}

bool Leases::holds(const Fence& fence, Instant now) const {
    const auto found = leases_.find(fence.lease);
    return found != leases_.end() && found->second.token == fence.token && now < found->second.until;
}

}  // namespace stepcast::store

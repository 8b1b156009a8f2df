#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "store/store.hpp"

namespace stepcast::store {

/// Who holds which lease in this process. Times are of the steady clock, which nobody can set.
class Leases {
  public:
    using Instant = std::chrono::steady_clock::time_point;

    /// None while another holder has it.
    std::optional<Fence> take(std::string_view name, std::string_view holder, Duration duration, Instant now);
    /// True while the lease was not taken by another and has not run out.
    bool holds(const Fence& fence, Instant now) const;

  private:
    struct Lease {
        std::string holder;
        std::uint64_t token = 0;
        Instant until{};
    };

    std::map<std::string, Lease, std::less<>> leases_;
};

}  // namespace stepcast::store

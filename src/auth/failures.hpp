#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>

#include "auth/errc.hpp"

namespace stepcast::auth {

/// How often a token was refused, by reason. Any thread.
class Failures {
  public:
    /// What a token may be refused for, and what metrics call it.
    static constexpr std::array<std::pair<errc, std::string_view>, 11> reasons{
        {{errc::malformed, "malformed"},
         {errc::refused_header, "refused-header"},
         {errc::algorithm, "algorithm"},
         {errc::unknown_key, "unknown-key"},
         {errc::signature, "signature"},
         {errc::expired, "expired"},
         {errc::not_yet_valid, "not-yet-valid"},
         {errc::issuer, "issuer"},
         {errc::audience, "audience"},
         {errc::claims, "claims"},
         {errc::unavailable, "unavailable"}}};

    void count(const std::error_code& code) {
        for (std::size_t i = 0; i < reasons.size(); ++i)
            if (code == reasons[i].first) counts_[i].fetch_add(1, std::memory_order_relaxed);
    }
    /// Of the reason at that place.
    std::uint64_t of(std::size_t reason) const { return counts_[reason].load(std::memory_order_relaxed); }

  private:
    std::array<std::atomic<std::uint64_t>, reasons.size()> counts_{};
};

}  // namespace stepcast::auth

#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.hpp"
#include "broadcast/session.hpp"

namespace stepcast::http {

/// One stream a user: the newest closes the one before it, on whatever lane that lives (V1). Any thread;
/// outlives its claims.
class LatestWins {
  public:
    /// A session's hold on its user; declare it behind the session's membership.
    class [[nodiscard]] Claim {
      public:
        Claim() = default;
        Claim(Claim&& other) noexcept;
        Claim& operator=(Claim&& other) noexcept;
        ~Claim();

      private:
        friend class LatestWins;
        Claim(LatestWins& owner, std::string user, std::uint64_t turn)
            : owner_{&owner}, user_{std::move(user)}, turn_{turn} {}

        LatestWins* owner_ = nullptr;
        std::string user_;
        std::uint64_t turn_ = 0;
    };

    /// Makes the session its user's only one; the one before is closed with reason `replaced`.
    Claim claim(std::string_view user, broadcast::Lane& lane, broadcast::SessionId session);

  private:
    struct Holder {
        broadcast::Lane* lane;
        broadcast::SessionId session;
        std::uint64_t turn;
    };

    void leave(const std::string& user, std::uint64_t turn);

    std::mutex mutex_;
    std::uint64_t turns_ = 0;
    std::unordered_map<std::string, Holder, KeyedHash, std::equal_to<>> holders_;
};

}  // namespace stepcast::http

#pragma once
#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.hpp"
#include "http/client_limits.hpp"

namespace stepcast::http {

/// Counts open streams against `sse.max_streams`, `sse.max_streams_per_user` and what an address may hold.
/// Any thread; outlives its tickets.
class SseAdmission {
  public:
    /// 0 turns a bound off. `limits` outlives this; null: addresses are not counted.
    SseAdmission(std::size_t max_streams, std::size_t max_streams_per_user, ClientLimits* limits = nullptr)
        : max_streams_{max_streams}, max_per_user_{max_streams_per_user}, limits_{limits} {}

    /// One stream's place; given back when destroyed.
    class [[nodiscard]] Ticket {
      public:
        Ticket() = default;
        Ticket(Ticket&& other) noexcept;
        Ticket& operator=(Ticket&& other) noexcept;
        ~Ticket();

      private:
        friend class SseAdmission;
        Ticket(SseAdmission& admission, std::string user) : admission_{&admission}, user_{std::move(user)} {}

        SseAdmission* admission_ = nullptr;
        std::string user_;  // empty if users are not counted
        ClientLimits::Hold address_;
    };

    /// Empty if there is no room. A stream without a user counts into none of a user.
    std::optional<Ticket> admit(std::string_view user, const Peer& peer);

    std::size_t open() const { return open_.load(std::memory_order_relaxed); }

  private:
    bool enter_user(std::string_view user);
    void leave_user(std::string_view user);

    const std::size_t max_streams_;
    const std::size_t max_per_user_;
    ClientLimits* const limits_;
    std::atomic<std::size_t> open_{0};
    std::mutex mutex_;
    std::unordered_map<std::string, std::size_t, KeyedHash, std::equal_to<>> users_;
};

}  // namespace stepcast::http

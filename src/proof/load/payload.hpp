#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::proof {

/// Makes the events of one run, of one size each, and recognises them again in what subscribers receive.
/// Event ids carry the run's token, so that runs against one server do not meet.
class Payloads {
  public:
    /// `size`: bytes of one event's JSON; it is larger only where the fields need more.
    explicit Payloads(std::size_t size = 200);

    /// "bench-TOKEN-USER" and "u-TOKEN-USER".
    std::string task(std::uint32_t user) const;
    std::string user(std::uint32_t user) const;

    /// One progress event of the user's task. `type`: STARTED, PROGRESS, COMPLETED or FAILED.
    std::string event(std::uint32_t user, std::uint64_t sequence, std::string_view type = "PROGRESS") const;

    /// The sequence of an event of this run; empty for any other.
    std::optional<std::uint64_t> sequence_of(std::string_view data) const;
    /// The user whose task an event or a recovery is about.
    std::optional<std::uint32_t> user_of(std::string_view data) const;

  private:
    std::string token_;
    std::string id_prefix_;
    std::string task_prefix_;
    std::string started_at_;
    std::size_t size_;
};

/// Replaces `{user}` in a URL template.
std::string fill(std::string_view pattern, std::string_view user);

}  // namespace stepcast::proof

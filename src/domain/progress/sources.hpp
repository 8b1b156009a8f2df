#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "broadcast/catch_up.hpp"
#include "domain/progress/service.hpp"
#include "flow/replay.hpp"

namespace stepcast::progress {

using flow::recovery_reason_names;
using flow::RecoveryReason;

/// What a task stream is answered with before it begins.
enum class Entry { stream, finished, not_owner };

/// The past of streams: which tasks a new one is told of, and how they have turned since. Made and called on
/// any strand; every source hops to the core by itself.
class ProgressSources {
  public:
    /// Recoveries told to connecting streams, by reason; on the core strand.
    struct Counts {
        using Recoveries = std::array<std::uint64_t, recovery_reason_names.size()>;
        Recoveries of_users{};
        Recoveries of_tasks{};
    };

    /// The service outlives this, and this its sources.
    explicit ProgressSources(ProgressEventService& service) : service_{service} {}

    /// `user_id` empty: of anyone (task streams only). `cursor` empty: none given.
    aio::awaitable<Entry> enter(std::string task_id, std::string user_id, std::string cursor);
    std::unique_ptr<broadcast::StreamSource> of_task(std::string task_id, std::string user_id,
                                                     std::string cursor);
    std::unique_ptr<broadcast::StreamSource> of_user(std::string user_id, std::string cursor);

    const Counts& counts() const { return counts_; }

  private:
    ProgressEventService& service_;
    Counts counts_;
};

}  // namespace stepcast::progress

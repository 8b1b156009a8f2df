#pragma once
#include <string>
#include <vector>

#include "aio/stop.hpp"
#include "domain/bank/projection.hpp"
#include "domain/calls.hpp"
#include "domain/module.hpp"
#include "domain/task_progress.hpp"

namespace stepcast::bank {

using aio::awaitable;

/// Folds the accounts from nothing beside those that are shown, compares both at equal position and shows the
/// new ones, while commands and questions go on. Its progress is a task.
class Rebuild {
  public:
    /// All outlive it.
    Rebuild(const domain::Parts& parts, AccountProjection& projection, std::string progress_topic)
        : parts_{parts},
          projection_{projection},
          progress_topic_{std::move(progress_topic)},
          gate_{parts.core} {}

    /// Begins one, as a task of `user`; refused while one is under way. Any strand.
    awaitable<result<domain::Written>> begin(std::string user);
    /// On the core strand.
    awaitable<void> stop();

    struct Counts {
        std::uint64_t done = 0;
        std::uint64_t failed = 0;
        std::uint64_t differed = 0;  ///< accounts that were shown otherwise than they were stored
    };
    const Counts& counts() const { return counts_; }

  private:
    using Kind = domain::TaskStep::Kind;
    struct Folded {
        Ledger ledger;
        std::vector<std::string_view> ids;  ///< of its accounts
        event::Position through = 0;
    };

    awaitable<void> run();
    awaitable<result<void>> rebuild();
    awaitable<result<void>> fold(Folded& fresh);
    result<void> add(Folded& fresh, const store::Page& page);
    awaitable<result<void>> compare(const std::vector<std::string_view>& ids);
    awaitable<result<store::Receipt>> tell(Kind kind, int percent, std::string step, std::string reason = {});

    const domain::Parts parts_;
    AccountProjection& projection_;
    const std::string progress_topic_;
    std::string task_;  // empty: none is under way
    std::string user_;
    Counts counts_;
    aio::Stop stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::bank

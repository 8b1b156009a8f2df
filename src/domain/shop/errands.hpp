#pragma once
#include <functional>
#include <string>
#include <unordered_map>

#include "aio/gate.hpp"
#include "aio/stop.hpp"
#include "domain/module.hpp"

namespace stepcast::shop {

/// Work that outlives the process: each piece is a timer of one kind whose payload is an id, and is done step
/// by step until there is nothing to do now. All on the core strand.
class Errands {
  public:
    /// Does the next step. False: nothing more now. An error: again later.
    using Step = std::function<aio::awaitable<result<bool>>(std::string id)>;
    struct Options {
        std::string kind;           ///< of the timers
        bool all_at_start = false;  ///< or only those whose time has come
        /// At work at once: beyond it an errand waits until its timer is due, and a place is free.
        std::size_t max_at_once = 10'000;
        std::chrono::milliseconds look{250};
    };

    Errands(const domain::Parts& parts, Options options, Step step);

    void start();
    /// Goes on with this one without waiting for its timer.
    void go_on(const std::string& id);
    /// After Committer::stop.
    aio::awaitable<void> stop();

    /// The errand's timer, to be set by the commit that makes it.
    store::Timer timer(const std::string& id, Timestamp due) const;
    /// The same's id, for Commit::fired.
    std::string timer_id(const std::string& id) const;
    aio::Stop& stopping() { return stop_; }
    std::size_t under_way() const { return under_way_.size(); }

  private:
    aio::awaitable<void> watch();
    aio::awaitable<result<void>> look(Timestamp until);
    aio::awaitable<void> work(std::string id);

    const domain::Parts parts_;
    const Options options_;
    const Step step_;
    std::unordered_map<std::string, bool> under_way_;  // whether somebody asked for it meanwhile
    aio::Stop stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::shop

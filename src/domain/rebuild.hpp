#pragma once
#include <string>
#include <string_view>

#include "aio/gate.hpp"
#include "aio/stop.hpp"
#include "domain/calls.hpp"
#include "domain/module.hpp"
#include "domain/task_progress.hpp"
#include "flow/twofold.hpp"

namespace stepcast::domain {

enum class rebuild_errc {
    running = 1,  ///< one is under way
    reading,      ///< the store is being folded, or began anew meanwhile: come again
    stopping,     ///< the server ends
    unreadable,   ///< an event cannot be read: what is shown stays
};
std::error_code make_error_code(rebuild_errc e);

/// Folds a projection from nothing beside what it shows, compares both at equal position and shows the new
/// one, while commits and questions go on. Its progress is a task.
class Rebuild {
  public:
    struct Options {
        std::string_view projection;   ///< its name in the call and in metrics
        std::string_view label;        ///< its name in the steps of the task
        std::string progress_topic{};  ///< where these go
    };

    /// All outlive it, and what the views name does.
    Rebuild(const Parts& parts, flow::Refoldable& projection, Options options)
        : parts_{parts}, projection_{projection}, options_{std::move(options)}, gate_{parts.core} {}

    /// Begins one, as a task of `user`. Refused: running, reading, or the store's error. Any strand.
    aio::awaitable<result<Written>> begin(std::string user);
    /// `POST /api/projections/NAME/rebuild`, for admins. `summary` outlives the server.
    http::Route route(std::string_view summary);
    /// On the core strand, as everything below.
    aio::awaitable<void> stop();

    struct Counts {
        std::uint64_t done = 0;
        std::uint64_t failed = 0;
        std::uint64_t differed = 0;  ///< entries that were shown otherwise than they were stored
    };
    const Counts& counts() const { return counts_; }
    void read_metrics(MetricSink& sink) const;

  private:
    using Kind = TaskStep::Kind;

    aio::awaitable<void> run();
    aio::awaitable<result<void>> rebuild();
    aio::awaitable<result<void>> fold();
    result<void> add(const store::Page& page);
    aio::awaitable<result<void>> compare();
    result<void> goes_on() const;
    aio::awaitable<result<store::Receipt>> tell(Kind kind, int percent, std::string_view what,
                                                std::string reason = {});

    const Parts parts_;
    flow::Refoldable& projection_;
    const Options options_;
    std::string task_;  // empty: none is under way
    std::string user_;
    Counts counts_;
    aio::Stop stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::domain

template <>
struct std::is_error_code_enum<stepcast::domain::rebuild_errc> : std::true_type {};

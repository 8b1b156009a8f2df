#pragma once
#include <memory>
#include <optional>
#include <string>

#include "aio/gate.hpp"
#include "aio/stop.hpp"
#include "broadcast/catch_up.hpp"
#include "domain/module.hpp"

namespace stepcast::topics {

/// What is looked for on a topic.
struct Wanted {
    std::string topic{};
    std::optional<std::string> key{};
    std::optional<std::int32_t> partition{};
};

/// Those who look on at topics, each with a reader of its own from the moment on at which it came. On the
/// core strand.
class Tails {
  public:
    static constexpr std::size_t max_open =
        16;  ///< each is a reader of the bus, on Kafka a client of its own

    explicit Tails(const domain::Parts& parts) : parts_{parts}, gate_{parts.core} {}

    /// A stream of what is wanted, one `event: record` each, for a session of the lane with this strand: what
    /// a slow client has not read goes, the oldest first, and `event: missed` says how many. Null: `max_open`
    /// are there, or the node stops.
    std::unique_ptr<broadcast::StreamSource> open(Wanted wanted, aio::Strand lane);
    /// After the streams have ended.
    aio::awaitable<void> stop();
    std::size_t count() const { return gate_.count(); }

  private:
    const domain::Parts parts_;
    aio::Stop stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::topics

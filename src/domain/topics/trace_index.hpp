#pragma once
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/hash.hpp"
#include "base/time.hpp"
#include "event/event.hpp"

namespace stepcast::topics {

/// A message that was seen on a topic. Empty texts are absent.
struct SeenMessage {
    std::string topic{};
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::string key{};
    std::string value{};
    std::string type{};
    std::string id{};
    std::string causation_id{};
    std::string traceparent{};
    std::string service{};  ///< that sent it
};

/// Where an event of this process's store stands.
struct StoredEvent {
    const event::Category* category = nullptr;
    std::string stream_id{};
    event::Version version = 0;
};

/// One thing that a request caused.
struct Traced {
    Timestamp at{};
    std::variant<SeenMessage, StoredEvent> what{};
};

/// What was seen lately, by correlation. Bounded in time, in bytes and for each correlation: what was seen
/// first goes first, and those that lost something know it. On one strand.
class TraceIndex {
  public:
    struct Options {
        Duration keep = std::chrono::hours{1};
        std::uint64_t max_bytes = 64ULL * 1024 * 1024;
        std::size_t max_items = 1'000;  ///< of one correlation; what comes beyond it is left out
    };
    explicit TraceIndex(Options options) : options_{options} {}

    /// `now`: what is older than `keep` is not taken, and goes.
    void add(std::string_view correlation_id, Traced item, Timestamp now);

    struct Trace {
        std::vector<Traced> items;  ///< as they were seen
        bool truncated = false;     ///< it had more
    };
    std::optional<Trace> find(std::string_view correlation_id, Timestamp now);
    void clear();

    std::size_t size() const { return order_.size(); }
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t dropped() const { return dropped_; }  ///< for room, not for their age

  private:
    struct Entry;
    struct Row {
        std::vector<std::list<Entry>::iterator> items;
        bool truncated = false;
    };
    using Rows = std::unordered_map<std::string, Row, KeyedHash, std::equal_to<>>;
    struct Entry {
        Rows::value_type* row;
        Traced item;
        std::uint64_t bytes;
    };

    void drop_first();
    void forget(Timestamp now);

    const Options options_;
    Rows rows_;
    std::list<Entry> order_;
    std::uint64_t bytes_ = 0;
    std::uint64_t dropped_ = 0;
};

/// An item of a trace as it is told.
struct TraceRow {
    Timestamp at{};
    std::string id{};
    std::string causation_id{};
    std::string json{};
};

/// By time, and of one time each behind what caused it; else as they were.
void sort_rows(std::vector<TraceRow>& rows);

}  // namespace stepcast::topics

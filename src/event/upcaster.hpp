#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metric_sink.hpp"
#include "base/result.hpp"
#include "event/event.hpp"

namespace stepcast::event {

enum class schema_errc {
    missing_link = 1,  ///< some stored schema version cannot be turned into today's
    unknown_schema,    ///< the event was written by a newer version of this program
    twice,             ///< there are two categories of one name
};
std::error_code make_error_code(schema_errc e);

/// Turns the JSON of one type of events from schema version `from` into `from + 1`. Stored bytes never
/// change.
struct Upcaster {
    std::uint8_t type = 0;  ///< index into the category's types
    std::uint8_t from = 1;
    std::string (*lift)(std::string_view json) = nullptr;
};

/// A type of events and the schema version in which it is written today. Types that stand in no list have 1.
struct Schema {
    std::uint8_t type = 0;
    std::uint8_t version = 1;
};

/// How the events of one category are read, whatever version of this program wrote them: 1→2, 2→3 and so on,
/// one after the other. Immutable once made, but for what it counts: any thread.
class Upcasters {
  public:
    /// No type has ever changed.
    Upcasters() = default;

    /// Refuses a chain with a gap, with two steps for the same version, or with one that leads beyond
    /// today's: schema_errc::missing_link, whose detail names category, type and version.
    static result<Upcasters> make(const Category& category, std::span<const Schema> today,
                                  std::span<const Upcaster> steps);

    /// What Event::body() gives, as today's version would have written it: the JSON less its opening brace.
    /// Of an event of today's schema nothing is copied; else the text stands in `scratch`.
    /// schema_errc::unknown_schema for an event from the future.
    result<std::string_view> body(const Event& event, std::string& scratch) const;

    /// The schema version that `type` is written in today.
    std::uint8_t today(std::uint8_t type) const { return type < today_.size() ? today_[type] : 1; }

    /// How often each step was taken.
    void read_metrics(MetricSink& sink) const;

  private:
    const Category* category_ = nullptr;                   // null without steps
    std::vector<std::uint8_t> today_;                      // by type
    std::vector<Upcaster> steps_;                          // by type, then by version
    std::unique_ptr<std::atomic<std::uint64_t>[]> taken_;  // of each step
};

}  // namespace stepcast::event

template <>
struct std::is_error_code_enum<stepcast::event::schema_errc> : std::true_type {};

#pragma once
#include <functional>
#include <optional>
#include <string>

#include "store/store.hpp"

namespace stepcast::flow {

/// When an event happened, as its domain reads it.
using TimeOf = std::function<result<Timestamp>(const event::Event&)>;

/// The last version of a stream whose time is not later than `at`; 0: all of its events are. Nothing: there
/// is no such stream. The times of a stream must never fall: it is found by bisection. On the core strand.
aio::awaitable<result<std::optional<event::Version>>> version_at(store::EventStore& store,
                                                                 const event::Category& category,
                                                                 std::string stream_id, Timestamp at,
                                                                 TimeOf time_of);

}  // namespace stepcast::flow

#pragma once
#include <span>
#include <string>
#include <string_view>

#include "bus/bus.hpp"
#include "event/metadata.hpp"
#include "store/store.hpp"

namespace stepcast::flow {

// How everything that one request causes is known: its correlation goes along, and each thing names what it
// came of.

/// What a message is called: its header `message-id`, else its place `topic-partition-offset`.
std::string message_id(std::span<const event::HeaderView> headers, std::string_view topic, bus::Place place);

/// What goes with all that a consumed record leads to. Without a correlation of its own it has its key's,
/// else its own id.
event::Metadata cause_of(const bus::Record& record, std::string_view topic);

/// What goes with all that a stream's last event leads to: of work that waited for its time, or was found
/// after a start. Of a stream without events, or whose last one cannot be read, a correlation by the
/// stream's id. On the core strand.
aio::awaitable<event::Metadata> cause_in(store::EventStore& store, const event::Category& category,
                                         std::string stream_id);

/// Lays `cause` on a commit: on its events, and on the messages that it owes, whose cause is the first event
/// of its last stream, or what that came of if it has none. An event that has metadata keeps it. An empty
/// cause changes nothing.
void lay_on(store::Commit& commit, const event::Metadata& cause);

}  // namespace stepcast::flow

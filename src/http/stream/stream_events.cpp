#include "http/stream/stream_events.hpp"

namespace stepcast::http {
namespace {

constexpr Schema live{"Live", R"({
  "type":"object","required":["cursor"],
  "properties":{"cursor":{"type":"string","description":"The id to come back with; opaque"}}})"};

constexpr Schema reset{"Reset", R"({
  "type":"object","required":["reason"],
  "properties":{"reason":{"type":"string","enum":["expired","epoch"],"description":"expired: events that the client has not seen are gone; epoch: its id is of another history"}}})"};

constexpr Schema more{"More", R"({
  "type":"object","required":["remaining"],
  "properties":{"remaining":{"type":"integer","minimum":1,"description":"So many states are not sent"}}})"};

constexpr Schema beat{"Beat", R"({
  "type":"object","required":["every"],
  "properties":{"every":{"type":"integer","minimum":1,"description":"Seconds to the next"}}})"};

constexpr Schema bye{"Bye", R"({
  "type":"object","required":["reason"],
  "properties":{"reason":{"type":"string","enum":["auth"],"description":"auth: the token has run out"}}})"};

}  // namespace

const MessageInfo live_event{"live", "Nothing is missing any more: what follows happens now", &live, true};
const MessageInfo reset_event{
    "reset", "Events may have been missed; what follows up to `live` is complete, the rest is to be dropped",
    &reset};
const MessageInfo more_event{"more", "The states that were sent are not all", &more};
const MessageInfo beat_event{"beat", "A heartbeat, to who asked by `beat=1`", &beat};
const MessageInfo bye_event{"bye", "The server ends the stream", &bye};

}  // namespace stepcast::http

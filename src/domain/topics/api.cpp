#include "domain/topics/api.hpp"

#include "domain/schemas.hpp"
#include "http/stream/stream_events.hpp"

namespace stepcast::topics::api {
namespace {

using http::Access;
using http::Parameter;
using http::Schema;
using http::Shape;
using enum Parameter::In;

constexpr Schema topic_list{"TopicList", R"({
  "type":"object","required":["topics","connected"],"properties":{
    "connected":{"type":"boolean","description":"Whether the bus can be reached"},
    "topics":{"type":"array","items":{"type":"object","required":["name","partitions","groups"],"properties":{
      "name":{"type":"string"},
      "messages":{"type":"integer","description":"That were ever written, as far as somebody here reads it"},
      "partitions":{"type":"array","items":{"type":"object","required":["partition","head"],"properties":{
        "partition":{"type":"integer"},"head":{"type":"integer","description":"The next offset"}}}},
      "groups":{"type":"array","items":{"type":"object","required":["group","lag","partitions"],"properties":{
        "group":{"type":"string"},"lag":{"type":"integer","description":"Messages that it has not done"},
        "partitions":{"type":"array","items":{"type":"object","required":["partition","position","head"],"properties":{
          "partition":{"type":"integer"},"position":{"type":"integer"},"head":{"type":"integer"}}}}}}}}}}}})"};

constexpr Schema record{"TopicRecord", R"({
  "type":"object","required":["topic","partition","offset","at","key","headers","value"],"properties":{
    "topic":{"type":"string"},"partition":{"type":"integer"},"offset":{"type":"integer"},
    "at":{"type":"string","format":"date-time"},
    "key":{"description":"A text, or `{\"hex\":…}` of bytes that are none; null: it has none"},
    "headers":{"type":"object"},
    "value":{"description":"JSON as it is, else a text, else base64; null: it has none, or it is too large"},
    "encoding":{"type":"string","const":"base64"},
    "bytes":{"type":"integer","description":"Of a value that is too large"}}})"};
constexpr Schema missed{"TailMissed", R"({
  "type":"object","required":["count"],"properties":{"count":{"type":"integer","minimum":1}}})"};
constexpr Schema live{"TailLive", R"({"type":"object","description":"It says nothing more."})"};
constexpr http::MessageInfo live_message{
    .name = "live", .meaning = "What is written from here on is told", .payload = &live};
constexpr http::MessageInfo record_message{
    .name = "record", .meaning = "A record that was written to the topic", .payload = &record};
constexpr http::MessageInfo missed_message{
    .name = "missed", .meaning = "Records left out because the client reads too slowly", .payload = &missed};

constexpr Schema trace_view{"Trace", R"({
  "type":"object","required":["correlationId","truncated","items"],"properties":{
    "correlationId":{"type":"string"},
    "truncated":{"type":"boolean","description":"Something of it is known no more"},
    "items":{"type":"array","items":{"type":"object","required":["at","kind","data"],"properties":{
      "at":{"type":"string","format":"date-time"},"kind":{"type":"string","enum":["message","event"]},
      "id":{"type":"string"},"causationId":{"type":"string","description":"The `id` of what caused it"},
      "traceparent":{"type":"string"},"type":{"type":"string"},
      "topic":{"type":"string"},"partition":{"type":"integer"},"offset":{"type":"integer"},"key":{},
      "service":{"type":"string","description":"That sent the message"},
      "stream":{"type":"string"},"version":{"type":"integer"},"position":{"type":"integer"},
      "correlationId":{"type":"string"},"actor":{"type":"string"},
      "data":{"description":"As `value` of a record of a topic"},
      "encoding":{"type":"string","const":"base64"},"bytes":{"type":"integer"}}}}}})"};

constexpr std::string_view any_text = R"({"type":"string","minLength":1})";

}  // namespace

const http::RouteInfo topics{
    .summary = "The topics, and how far each group has read them",
    .description = "Those that this server knows; heads and groups as far as it reads them itself.",
    .access = Access::admin,
    .answers = {{200, "By name", &topic_list}},
};

const http::RouteInfo tail{
    .summary = "Stream what is written to a topic from now on",
    .description =
        "Whole from `event: live` on; who reads too slowly loses the oldest "
        "records and is told how many. There is no way back: the stream has no ids.",
    .access = Access::admin,
    .parameters = {{path, "topic", "Its name", any_text, true},
                   {query, "key", "Only records of this key", R"({"type":"string"})"},
                   {query, "partition", "Only records of this partition",
                    R"({"type":"integer","minimum":0,"maximum":2147483647})"},
                   http::beat_parameter},
    .answers = {{200, "The stream", nullptr, Shape::one, "text/event-stream"},
                {400, "A parameter is none"},
                {404, "There is no such topic"},
                {503, "As many tails are open as this server takes"}},
    .events = {&live_message, &record_message, &missed_message, &http::beat_event, &http::bye_event},
};

const http::RouteInfo trace{
    .summary = "Everything that one request caused, over services and topics",
    .description =
        "Messages as they stand on the topics, whoever sent them, and the events of this server's own store, "
        "by time. Of an order or a transfer the correlation is its id. Kept for `traces.keep`.",
    .access = Access::admin,
    .parameters = {{path, "correlationId", "What all of it has in common", any_text, true}},
    .answers = {{200, "The trace", &trace_view},
                {404, "`trace-not-found`: nothing of it was seen lately, or nothing is traced here"},
                {503, "The store cannot be read now"}},
};

}  // namespace stepcast::topics::api

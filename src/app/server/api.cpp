#include "app/server/api.hpp"

#include "http/answers.hpp"

namespace stepcast::app::api {
namespace {

using http::Access;
using http::Schema;
using http::Shape;

constexpr Schema health{"Health", R"({
  "type":"object","required":["status"],"properties":{"status":{"type":"string","const":"ok"}}})"};

constexpr Schema readiness{"Readiness", R"({
  "type":"object","required":["status","failing","rebuiltPercent"],
  "properties":{
    "status":{"type":"string","enum":["ready","not-ready"]},
    "failing":{"type":"array","items":{"type":"string"},"description":"The parts that keep the node from being ready"},
    "rebuiltPercent":{"type":"integer","minimum":0,"maximum":100}}})"};

constexpr Schema document{"OpenApi", R"({
  "type":"object","required":["openapi","info","paths"],
  "properties":{"openapi":{"type":"string"},"info":{"type":"object"},"paths":{"type":"object"},"components":{"type":"object"}}})"};

constexpr Schema async_document{"AsyncApi", R"({
  "type":"object","required":["asyncapi","info","channels","operations"],
  "properties":{"asyncapi":{"type":"string"},"info":{"type":"object"},"channels":{"type":"object"},"operations":{"type":"object"},"components":{"type":"object"}}})"};

constexpr Schema credentials{"Credentials", R"({
  "type":"object","required":["userId","password"],
  "properties":{"userId":{"type":"string","minLength":1},"password":{"type":"string"}}})"};

constexpr Schema given_token{"GivenToken", R"({
  "type":"object","required":["token","expiresIn"],
  "properties":{"token":{"type":"string"},"expiresIn":{"type":"integer","description":"Seconds"}}})"};

#define STORED_EVENT \
    R"("type":"object","description":"An event as it is stored","required":["version","position","eventId","type","schemaVersion","recordedAt","subject","metadata","data"],
  "properties":{
    "version":{"type":"integer","minimum":1},"position":{"type":"integer","minimum":1},"eventId":{"type":"string"},
    "type":{"type":"string"},"schemaVersion":{"type":"integer"},"recordedAt":{"type":"string","format":"date-time"},
    "subject":{"type":"string","description":"The user it is about; may be empty"},
    "metadata":{"type":"object","properties":{"correlationId":{"type":"string"},"causationId":{"type":"string"},"traceparent":{"type":"string"},"actor":{"type":"string"}}},
    "data":{"type":"object"}})"

constexpr Schema stored_event{"StoredEvent", "{" STORED_EVENT "}"};
constexpr Schema state_of_stream{"StreamState", R"({
  "type":"object","required":["stream","category","version","head","first","event","state","changes"],
  "properties":{
    "stream":{"type":"string"},"category":{"type":"string"},"version":{"type":"integer","minimum":1},
    "head":{"type":"integer","minimum":1,"description":"The newest version"},
    "first":{"type":"integer","minimum":1,"description":"The oldest version that is kept"},
    "event":{)" STORED_EVENT R"(},
    "state":{"type":["object","null"],"description":"The fold of the first `version` events; null where nobody folds such streams"},
    "changes":{"type":["array","null"],"description":"What the event changed; null if the version before cannot be folded",
      "items":{"type":"object","required":["path"],"properties":{
        "path":{"type":"string","description":"A JSON pointer"},"before":true,"after":true}}}}})"};

constexpr http::Parameter stream_name{http::Parameter::In::path, "stream",
                                      "Its category and its id: `account-ACC-001`",
                                      R"({"type":"string","minLength":1})", true};
constexpr http::Parameter wait_for{
    http::Parameter::In::query, "wait",
    "Answered once what was committed at this position can be seen, at most 5 s later",
    R"({"type":"integer","minimum":0,"maximum":9223372036854775807})"};
#define STEPCAST_LETTER \
    R"("id":{"type":"string","description":"Its place in the store"},
    "consumer":{"type":"string"},"topic":{"type":"string"},"partition":{"type":"integer"},"offset":{"type":"integer"},
    "key":{"type":["string","object"],"description":"Absent: the record had none; {\"hex\":…}: it is no text"},
    "errorClass":{"type":"string","description":"For programs; `behind`: one of its key before it is a dead letter"},
    "errorMessage":{"type":"string"},
    "attempts":{"type":"integer","description":"How often it was tried before it was parked"},
    "behind":{"type":"boolean"},
    "timestamp":{"type":"string","format":"date-time","description":"The record's"},
    "parkedAt":{"type":"string","format":"date-time"},
    "redrives":{"type":"integer","description":"How often it was handed over again"})"

constexpr Schema parked{"DeadLetterParked", R"({
  "type":"object","required":["id","consumer","topic","partition","offset","errorClass","errorMessage","attempts","behind","timestamp","parkedAt","redrives"],
  "properties":{)" STEPCAST_LETTER R"(}})"};

constexpr Schema letter{"DeadLetterWhole", R"({
  "type":"object","required":["id","consumer","topic","partition","offset","errorClass","errorMessage","attempts","behind","timestamp","parkedAt","redrives","status","headers","history"],
  "properties":{)" STEPCAST_LETTER R"(,
    "status":{"type":"string","enum":["PARKED","REDRIVING","HANDLED","GIVEN_UP"]},
    "value":{"type":["string","object"],"description":"Absent: a tombstone"},
    "headers":{"type":"array","items":{"type":"array","minItems":2,"maxItems":2}},
    "history":{"type":"array","items":{"type":"object","required":["attempt","result","at"],"properties":{
      "attempt":{"type":"integer"},"result":{"type":"string","enum":["handled","failed","given-up"]},
      "at":{"type":"string","format":"date-time"},"by":{"type":"string"},"errorMessage":{"type":"string"}}}}}})"};

constexpr Schema begun{"RedriveBegun", R"({
  "type":"object","required":["success"],"properties":{"success":{"type":"boolean","const":true}}})"};

constexpr http::Parameter letter_id{http::Parameter::In::path, "id", "The dead letter",
                                    R"({"type":"string","pattern":"^[0-9]+$"})", true};

}  // namespace

const http::RouteInfo dead_letters{
    .summary = "Records that could not be handled and wait to be handed over again",
    .description =
        "In the order in which they were parked; those of a key that is kept in order stand behind its first "
        "one.",
    .access = Access::admin,
    .parameters = {{http::Parameter::In::query, "after", "Where the list goes on: from a `Link` header",
                    R"({"type":"string"})"},
                   {http::Parameter::In::query, "limit",
                    "At most so many; `Link: rel=\"next\"` goes on behind them",
                    R"({"type":"integer","minimum":1,"maximum":1000,"default":100})"}},
    .answers = {{200, "The letters", &parked, Shape::list, "application/json", {"Link"}},
                {400, "A parameter is none"}},
};

const http::RouteInfo dead_letter{
    .summary = "One of them with its record and what was done about it, also once it was handled",
    .access = Access::admin,
    .parameters = {letter_id},
    .answers = {{200, "The letter", &letter}, {404, "There is none of this id"}},
};

const http::RouteInfo give_up_letter{
    .summary = "Gives a dead letter up: it is parked no more",
    .description = "What it was, and who gave it up, can still be read.",
    .access = Access::admin,
    .parameters = {letter_id},
    .answers = {{200, "It is given up", &begun},
                {404, "There is none of this id, or it was handled"},
                {409, "It is being handed over"},
                {503, "The store cannot be written now"}},
};

const http::RouteInfo redrive{
    .summary = "Hands a dead letter over again",
    .description =
        "Where the order of its key is kept, all of the key, the first one first, until one fails. What "
        "becomes of it stands in the letter.",
    .access = Access::admin,
    .parameters = {letter_id},
    .body = &http::nothing_asked,
    .body_required = false,
    .answers = {{202, "It has begun", &begun, Shape::one, "application/json", {"Location"}},
                {404, "There is none of this id, or it was handled"},
                {409, "It is being handed over, or was as often as may be"},
                {503, "Nobody here takes its topic now"}},
};

const http::RouteInfo healthz{
    .summary = "Whether the process answers, whatever it depends on does",
    .access = Access::open,
    .any_host = true,
    .answers = {{200, "It does", &health}},
};

const http::RouteInfo readyz{
    .summary = "Whether the node should be given traffic",
    .access = Access::open,
    .any_host = true,
    .answers = {{200, "It should", &readiness}, {503, "Not now; `failing` says why", &readiness}},
};

const http::RouteInfo metrics{
    .summary = "Numbers for Prometheus",
    .access = Access::admin,
    .answers = {{200, "Prometheus' text format", nullptr, Shape::one, "text/plain"}},
};

const http::RouteInfo openapi{
    .summary = "This interface for machines",
    .access = Access::open,
    .answers = {{200, "An OpenAPI 3.1 document", &document}},
};

const http::RouteInfo asyncapi{
    .summary = "The streams, and the topics behind them, for machines",
    .access = Access::open,
    .answers = {{200, "An AsyncAPI 3.0 document", &async_document}},
};

const http::RouteInfo demo_token{
    .summary = "A token for trying out, on the server's own machine",
    .description = "Only with `auth.demo`. Any password is right but an empty one.",
    .access = Access::open,
    .body = &credentials,
    .answers = {{200, "A token for an hour, without scopes", &given_token},
                {401, "The password is empty"},
                {403, "The client is elsewhere, or the page that calls is of a foreign origin"}},
};

const http::RouteInfo stream{
    .summary = "The events of any stream, as they are stored",
    .access = Access::admin,
    .parameters = {stream_name,
                   {http::Parameter::In::query, "from", "The first version",
                    R"({"type":"integer","minimum":1})"},
                   {http::Parameter::In::query, "limit",
                    "At most so many, and at most about 1 MiB; `Link: rel=\"next\"` goes on behind them",
                    R"({"type":"integer","minimum":1,"maximum":1000,"default":100})"},
                   wait_for},
    .answers = {{.status = 200,
                 .meaning = "The events",
                 .schema = &stored_event,
                 .shape = Shape::list,
                 .headers = {"ETag", "Link"}},
                {304, "`If-None-Match` names what stands", nullptr, Shape::one, ""},
                {400, "A parameter is malformed; `field` names it"},
                {404, "No such stream"},
                {.status = 503, .meaning = "The store cannot be read now", .headers = {"Retry-After"}},
                {504, "What was waited for has not been seen yet"}},
};

const http::RouteInfo stream_state{
    .summary = "The state of any stream at a version, and what its last event changed",
    .access = Access::admin,
    .parameters = {stream_name,
                   {http::Parameter::In::query, "version",
                    "After this event; without it and `at`: the newest", R"({"type":"integer","minimum":1})"},
                   {http::Parameter::In::query, "at", "As it was stored by this time; not with `version`",
                    R"({"type":"string","format":"date-time"})"},
                   wait_for},
    .answers = {{.status = 200, .meaning = "The state", .schema = &state_of_stream, .headers = {"ETag"}},
                {304, "`If-None-Match` names what stands", nullptr, Shape::one, ""},
                {400, "A parameter is malformed; `field` names it"},
                {404, "No such stream, or no such version of it yet"},
                {410, "Events of that age are kept no more"},
                {.status = 503, .meaning = "The store cannot be read now", .headers = {"Retry-After"}},
                {504, "What was waited for has not been seen yet"}},
};

}  // namespace stepcast::app::api

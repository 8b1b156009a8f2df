#include "domain/progress/api.hpp"

#include "domain/schemas.hpp"
#include "http/stream/stream_events.hpp"

namespace stepcast::progress::api {
namespace {

using http::Access;
using http::Answer;
using http::MessageInfo;
using http::Parameter;
using http::Schema;
using http::Shape;
using enum Parameter::In;

using domain::id_schema;
using domain::whole_schema;

constexpr Parameter task_id{path, "taskId", "The task", id_schema, true};
constexpr Parameter of_user{path, "userId", "The user", id_schema, true};
constexpr Parameter whose{query, "userId",
                          "The user whose tasks are told; absent: who calls, which needs a token", id_schema};
constexpr Parameter maybe_whose{query, "userId", "Who asks; a task of somebody else is refused", id_schema};
constexpr Parameter version{query, "version", "As of this version of the task", whole_schema};
constexpr Parameter at{query, "at", "As of this time, by the events' timestamps; not with `version`",
                       R"({"type":"string","format":"date-time"})"};
constexpr Parameter from_version{query, "from", "The first version", whole_schema};
constexpr Parameter from_position{query, "from", "The first position", whole_schema};
constexpr Parameter limit{query, "limit", "At most so many; `Link: rel=\"next\"` goes on behind them",
                          R"({"type":"integer","minimum":1,"maximum":10000,"default":10000})"};

constexpr Schema sent_event{
    "SentEvent",
    R"({
  "type":"object","description":"What a producer sends; null means absent, unknown members are passed over.",
  "required":["taskId","userId","eventType"],
  "properties":{
    "taskId":{"type":"string","minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE R"(},
    "userId":{"type":"string","minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE
    R"(,"description":"The owner; a task keeps that of its first event. With a token: absent means who calls"},
    "eventType":{"type":"string","enum":["STARTED","PROGRESS","COMPLETED","FAILED"]},
    "eventId":{"type":["string","null"],"minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE
    R"(,"description":"Makes a repeat harmless; absent: given by the answer"},
    "currentStep":{"type":["integer","null"],"minimum":0,"maximum":9007199254740991,"description":"At most totalSteps where that is above 0"},
    "totalSteps":{"type":["integer","null"],"minimum":0,"maximum":9007199254740991},
    "percentage":{"type":["integer","null"],"minimum":0,"maximum":100,"description":"Absent: from the steps, else the task's last; COMPLETED is 100"},
    "stepName":{"type":["string","null"],"maxLength":256},
    "timestamp":{"type":["string","null"],"format":"date-time","description":"Absent: now"},
    "seq":{"type":["integer","null"],"minimum":1,"maximum":9007199254740991,"description":"The producer's own order of the task"},
    "detail":{"type":["object","null"],"description":"Any object up to 8 KiB"}}})",
    "userId"};

constexpr Schema progress_event{"ProgressEvent", R"({
  "type":"object","description":"A stored event.",
  "required":["version","eventId","taskId","userId","currentStep","totalSteps","percentage","stepName","eventType","timestamp"],
  "properties":{
    "version":{"type":"integer","minimum":1,"description":"Within the task, from 1 without gaps"},
    "eventId":{"type":"string"},"taskId":{"type":"string"},"userId":{"type":"string"},
    "currentStep":{"type":"integer","minimum":0},"totalSteps":{"type":"integer","minimum":0},
    "percentage":{"type":"integer","minimum":0,"maximum":100},"stepName":{"type":"string"},
    "eventType":{"type":"string","enum":["STARTED","PROGRESS","COMPLETED","FAILED"]},
    "timestamp":{"type":"string","format":"date-time"},
    "seq":{"type":"integer","minimum":1},"detail":{"type":"object"}}})"};

// What a state says, on its own and as a stream's recovery; a macro, because only literals can be joined.
#define STATE_REQUIRED \
    R"("taskId","userId","currentStep","totalSteps","percentage","stepName","status","startedAt","updatedAt","eventCount","version","position","rate","etaSeconds","estimatedCompletionAt","stalled","outOfOrder","detail")"
#define STATE_MEMBERS \
    R"(
    "taskId":{"type":"string"},"userId":{"type":"string"},
    "currentStep":{"type":"integer","minimum":0},"totalSteps":{"type":"integer","minimum":0},
    "percentage":{"type":"integer","minimum":0,"maximum":100},"stepName":{"type":"string"},
    "status":{"type":"string","enum":["STARTED","PROGRESS","COMPLETED","FAILED"],"description":"The last eventType that moved the state"},
    "startedAt":{"type":"string","format":"date-time"},"updatedAt":{"type":"string","format":"date-time"},
    "eventCount":{"type":"integer","minimum":1},"version":{"type":"integer","minimum":1},
    "position":{"type":"integer","minimum":1,"description":"In the whole store"},
    "rate":{"type":["number","null"],"description":"Percent a second"},
    "etaSeconds":{"type":["number","null"]},
    "estimatedCompletionAt":{"type":["string","null"],"format":"date-time"},
    "stalled":{"type":"boolean","description":"No event for progress.stall_after"},
    "outOfOrder":{"type":"boolean","description":"An event came whose seq was not above the highest"},
    "detail":{"type":["object","null"]}}})"

constexpr Schema snapshot{"ProgressSnapshot", R"({
  "type":"object","description":"The state of a task: the fold of its first `version` events.",
  "required":[)" STATE_REQUIRED R"(],
  "properties":{)" STATE_MEMBERS};

constexpr Schema recovery{"ProgressRecovery", R"({
  "type":"object","description":"The state of a task, and its last event.",
  "required":["eventId","eventType",)" STATE_REQUIRED R"(],
  "properties":{
    "eventId":{"type":"string"},"eventType":{"type":"string","enum":["STARTED","PROGRESS","COMPLETED","FAILED"]},)" STATE_MEMBERS};

constexpr Schema order_record{"OrderRecord", R"({
  "type":"object","required":["taskId","userId","productName","quantity"],
  "properties":{
    "taskId":{)" STEPCAST_ID R"(},
    "userId":{)" STEPCAST_ID R"(},
    "productName":{"type":"string","minLength":1,"maxLength":256,)" STEPCAST_PRINTABLE R"(},
    "quantity":{"type":"integer","minimum":1,"maximum":9007199254740991},
    "timestamp":{"type":"string","format":"date-time"}}})"};

constexpr Schema given_event{"GivenEvent", R"({
  "type":"object","description":"What an event is known by.","required":["eventId","taskId"],
  "properties":{"eventId":{"type":"string"},"taskId":{"type":"string"}}})"};

constexpr Schema sent_order{"SentOrder",
                            R"({
  "type":"object","required":["userId","productName","quantity"],
  "properties":{
    "userId":{"type":"string","minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE
                            R"(,"description":"Who orders. With a token: absent means who calls"},
    "productName":{"type":"string","minLength":1,"maxLength":256,)" STEPCAST_PRINTABLE R"(},
    "quantity":{"type":"integer","minimum":1,"maximum":9007199254740991}}})",
                            "userId"};

constexpr Schema given_order{"GivenOrder", R"({
  "type":"object","required":["taskId"],"properties":{"taskId":{"type":"string"}}})"};

constexpr Schema monitor_schema{"Monitor", R"({
  "type":"object","description":"Numbers for people; members come and go with versions.",
  "required":["store","bus","broadcaster","sessions","process"],
  "properties":{"store":{"type":"object"},"bus":{"type":"object"},"broadcaster":{"type":"object"},"sessions":{"type":"object"},
    "process":{"type":"object"},"tasks":{"type":"object"}}})"};

constexpr MessageInfo progress_message{"progress", "A stored event", &progress_event, true};
constexpr MessageInfo plain_progress_message{"progress", "A stored event", &progress_event};
constexpr MessageInfo recovery_message{
    "recovery", "The whole state of one task; replaces what the client knows of it", &recovery};
constexpr MessageInfo event_record{"SentEvent", "What happened to a task", &sent_event};
constexpr MessageInfo order_placed{"OrderRecord", "An order to be worked off as a task", &order_record};

const Answer stream{200, "The stream; docs/protocol.md tells it frame by frame", nullptr, Shape::one,
                    "text/event-stream"};
const Answer bad_parameter{400, "A parameter is missing or malformed; `field` names it"};
const Answer unchanged{304, "`If-None-Match` names what stands", nullptr, Shape::one, ""};
const Answer unknown{404, "No such task, or no such version of it yet"};
const Answer gone{410, "The version was folded into a snapshot"};
const Answer later{.status = 503,
                   .meaning = "The store or the bus cannot be reached, or is being rebuilt",
                   .headers = {"Retry-After"}};

}  // namespace

const http::RouteInfo subscribe_user{
    .summary = "Stream all of a user's tasks",
    .description =
        "Begins with what was missed since the last id, or with the state of each task that runs or "
        "ended a moment ago; `event: live` ends that.",
    .access = Access::user,
    .parameters = {whose, http::last_event_header, http::last_event_parameter, http::beat_parameter},
    .answers = {stream, bad_parameter},
    .events = {&progress_message, &recovery_message, &http::reset_event, &http::more_event, &http::live_event,
               &http::beat_event, &http::bye_event},
};

const http::RouteInfo subscribe_task{
    .summary = "Stream one task until it ends",
    .description = "A task that is not known yet is waited for.",
    .access = Access::user,
    .parameters = {task_id, maybe_whose, http::last_event_header, http::last_event_parameter,
                   http::beat_parameter},
    .answers = {stream,
                {204, "The task is over and its end was received: do not come back", nullptr, Shape::one, ""},
                bad_parameter,
                {403, "The task belongs to another user"}},
    .events = {&progress_message, &recovery_message, &http::reset_event, &http::live_event, &http::beat_event,
               &http::bye_event},
};

const http::RouteInfo subscribe_v1{
    .summary = "Stream a user's events without ids and without recovery",
    .description =
        "The first version of the interface, for comparison. A user's newest stream ends the older.",
    .access = Access::user,
    .parameters = {whose, http::beat_parameter},
    .answers = {stream, bad_parameter},
    .events = {&plain_progress_message, &http::beat_event, &http::bye_event},
};

const http::RouteInfo status{
    .summary = "The state of a task, now or in the past",
    .access = Access::user,
    .parameters = {task_id, version, at},
    .answers = {{.status = 200, .meaning = "The state", .schema = &snapshot, .headers = {"ETag"}},
                unchanged,
                bad_parameter,
                unknown,
                gone,
                later},
};

const http::RouteInfo history{
    .summary = "The events of a task, in order",
    .access = Access::user,
    .parameters = {task_id, version, at, from_version, limit},
    .answers = {{.status = 200,
                 .meaning = "The events",
                 .schema = &progress_event,
                 .shape = Shape::list,
                 .headers = {"ETag", "Link"}},
                unchanged,
                bad_parameter,
                unknown,
                gone,
                later},
};

const http::RouteInfo user{
    .summary = "The events of all of a user's tasks, by position",
    .description = "A user that is not known has none.",
    .access = Access::user,
    .parameters = {of_user, from_position, limit},
    .answers = {{.status = 200,
                 .meaning = "The events",
                 .schema = &progress_event,
                 .shape = Shape::list,
                 .headers = {"Link"}},
                bad_parameter,
                later},
};

const http::RouteInfo events{
    .summary = "Send one event or an array of them: all or none",
    .description =
        "Answered once the bus has them. An event that is sent again with the same `eventId` changes "
        "nothing.",
    .access = Access::user,
    .idempotent = true,
    .body = &sent_event,
    .body_shape = Shape::either,
    .answers = {{202, "The bus has them; told in their order", &given_event, Shape::either},
                {400, "An event is malformed, or its task belongs to another user; `field` names the place"},
                {409, "An `eventId` is known with another body"},
                later},
};

const http::RouteInfo orders{
    .summary = "The demonstration: an order that works itself off as a task",
    .description = "As JSON or by the query, not both. 404 with `orders.enabled = false`.",
    .access = Access::user,
    .parameters = {{query, "userId", "Who orders; without a body. With a token: absent means who calls",
                    id_schema},
                   {query, "productName", "1 to 256 characters; without a body",
                    R"({"type":"string","minLength":1,"maxLength":256})"},
                   {query, "quantity", "From 1 on; without a body",
                    R"({"type":"integer","minimum":1,"maximum":9007199254740991})"}},
    .body = &sent_order,
    .body_required = false,
    .answers =
        {{.status = 202, .meaning = "The bus has the order", .schema = &given_order, .headers = {"Location"}},
         {400, "The order is malformed; `field` names the place"},
         later},
};

const http::RouteInfo monitor{
    .summary = "Store, bus, sessions and process in numbers",
    .access = Access::admin,
    .answers = {{200, "The numbers; paths only to clients on the same machine", &monitor_schema}},
};

domain::TopicInfo events_topic(std::string name) {
    return {.name = std::move(name),
            .meaning = "What workers say of their tasks",
            .read = true,
            .written = true,
            .key = "taskId: the events of one task stay in order",
            .records = {&event_record}};
}

domain::TopicInfo orders_topic(std::string name) {
    return {.name = std::move(name),
            .meaning = "Orders of the demonstration",
            .read = true,
            .written = true,
            .key = "taskId",
            .records = {&order_placed}};
}

}  // namespace stepcast::progress::api

#include "domain/bank/transfer_api.hpp"

#include "domain/schemas.hpp"

namespace stepcast::bank::api {
namespace {

using http::Access;
using http::Answer;
using http::Parameter;
using http::Schema;
using http::Shape;
using enum Parameter::In;

constexpr Parameter id{path, "id", "The transfer", domain::id_schema, true};

constexpr Schema new_transfer{
    "NewTransfer", R"({
  "type":"object","required":["from","to","amount"],
  "properties":{
    "transferId":{"type":["string","null"],"minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE
                   R"(,"description":"Sent again it is the same transfer; absent: given by the answer"},
    "from":{)" STEPCAST_ID R"(},"to":{)" STEPCAST_ID R"(},
    "amount":{"type":"integer","minimum":1,"maximum":9007199254740991,"description":"Whole won"}}})"};
constexpr Schema transfer_begun{"TransferBegun", R"({
  "type":"object","required":["success","transferId","taskId"],
  "properties":{"success":{"type":"boolean"},"transferId":{"type":"string"},
    "taskId":{"type":"string","description":"The task that tells its progress"}}})"};
constexpr Schema transfer_view{"Transfer", R"({
  "type":"object","required":["transferId","from","to","amount","currency","status","version","steps"],
  "properties":{
    "transferId":{"type":"string"},"from":{"type":"string"},"to":{"type":"string"},
    "amount":{"type":"integer","minimum":1},"currency":{"type":"string"},
    "status":{"type":"string","enum":["INITIATED","DEBITED","COMPLETED","REFUNDED","STUCK"]},
    "version":{"type":"integer","minimum":1},"reason":{"type":"string"},
    "steps":{"type":"array","items":{"type":"object","required":["step","timestamp"],
      "properties":{"step":{"type":"string"},"timestamp":{"type":"string","format":"date-time"}}}}}})"};

const auto& later = domain::unavailable_answer;
const Answer bad{400, "The call is malformed; `field` names the place"};
const Answer unknown{404, "No such transfer"};

}  // namespace

const http::RouteInfo begin_transfer{
    .summary = "Move money from one account to another",
    .description =
        "Taken from the one, then given to the other; if that account does not take it, it goes back. Its "
        "progress is a task: `/api/v2/progress/subscribe/{taskId}`.",
    .access = Access::user,
    .parameters = {domain::key_parameter(
        "Without a `transferId`: who sends the call again with the same key means the same transfer")},
    .body = &new_transfer,
    .answers = {{.status = 202,
                 .meaning = "It will be carried out, or is",
                 .schema = &transfer_begun,
                 .headers = {"Location", "Stepcast-Position", "Idempotency-Replayed"}},
                {400, "The call is malformed, or both accounts are one (`same-account`)"},
                {403, "The account that pays belongs to another user"},
                {404, "No such account"},
                {422, "There is another transfer of that id, or of that key"},
                later},
};

const http::RouteInfo transfer{
    .summary = "What became of a transfer",
    .access = Access::user,
    .parameters = {id},
    .answers = {{.status = 200, .meaning = "The transfer", .schema = &transfer_view, .headers = {"ETag"}},
                bad,
                {403, "The account that pays belongs to another user"},
                unknown,
                later},
};

}  // namespace stepcast::bank::api

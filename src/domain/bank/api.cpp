#include "domain/bank/api.hpp"

#include "domain/schemas.hpp"
#include "http/answers.hpp"

namespace stepcast::bank::api {
namespace {

using http::Access;
using http::Answer;
using http::Parameter;
using http::Schema;
using http::Shape;
using enum Parameter::In;

#define AMOUNT R"("type":"integer","minimum":1,"maximum":9007199254740991,"description":"Whole won")"
#define BALANCE R"("type":"integer","minimum":0,"maximum":9007199254740991,"description":"Whole won")"
#define NOTE R"("type":["string","null"],"maxLength":256)"
#define TIME R"("type":"string","format":"date-time")"

constexpr Parameter account_id{path, "accountId", "The account", domain::id_schema, true};
constexpr auto key = domain::key_parameter(
    "Who sends the call again with the same key is given the same answer; kept for 7 days");
constexpr Parameter if_match{header, "If-Match", "The version that the account must have, such as `\"v7\"`",
                             R"({"type":"string","pattern":"^(\\*|\"v[0-9]{1,18}\")$"})"};
constexpr Parameter version{query, "version", "As of this version of the account", domain::whole_schema};
constexpr Parameter at{query, "at", "As of this time, by the events' timestamps; not with `version`",
                       R"({"type":"string","format":"date-time"})"};
constexpr auto wait_for = domain::wait_parameter;
constexpr Parameter from{query, "from", "The first version", domain::whole_schema};
constexpr Parameter events_limit{query, "limit", "At most so many; `Link: rel=\"next\"` goes on behind them",
                                 R"({"type":"integer","minimum":1,"maximum":10000,"default":10000})"};
constexpr Parameter list_limit{query, "limit", "At most so many; `Link: rel=\"next\"` goes on behind them",
                               R"({"type":"integer","minimum":1,"maximum":1000,"default":100})"};

constexpr Schema new_account{"NewAccount",
                             R"({
  "type":"object","required":["owner"],
  "properties":{
    "accountId":{"type":["string","null"],"minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE
                             R"(,"description":"Absent: given by the answer"},
    "owner":{)" STEPCAST_ID R"(,"description":"With tokens the caller, who need not be named"},
    "initialBalance":{"type":["integer","null"],"minimum":0,"maximum":9007199254740991,"description":"Whole won; absent: 0"}}})",
                             "owner"};
constexpr Schema new_deposit{"NewDeposit", R"({
  "type":"object","required":["amount"],
  "properties":{"amount":{)" AMOUNT R"(},"source":{)" NOTE R"(}}})"};
constexpr Schema new_withdrawal{"NewWithdrawal", R"({
  "type":"object","required":["amount"],
  "properties":{"amount":{)" AMOUNT R"(},"purpose":{)" NOTE R"(}}})"};
constexpr Schema closing{"Closing", R"({"type":"object","properties":{"reason":{)" NOTE R"(}}})"};
constexpr Schema account_command{"AccountCommand", R"({
  "type":"object","description":"A command as the event sourcing guide has it.","required":["type"],
  "properties":{
    "type":{"type":"string","enum":["CREATE_ACCOUNT","DEPOSIT_MONEY","WITHDRAW_MONEY","TRANSFER_MONEY"]},
    "accountId":{"type":["string","null"],"minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE
                                                   R"(,"description":"Of all but TRANSFER_MONEY"},
    "from":{"type":["string","null"]},"to":{"type":["string","null"]},"transferId":{"type":["string","null"]},
    "owner":{"type":["string","null"],"minLength":1,"maxLength":128,)" STEPCAST_PRINTABLE R"(},
    "initialBalance":{"type":["integer","null"],"minimum":0,"maximum":9007199254740991},
    "amount":{"type":["integer","null"],"minimum":1,"maximum":9007199254740991},
    "source":{)" NOTE R"(},"purpose":{)" NOTE R"(}}})"};

constexpr Schema account_changed{"AccountChanged", R"({
  "type":"object","required":["success","accountId","version"],
  "properties":{"success":{"type":"boolean"},"accountId":{"type":"string"},"version":{"type":"integer","minimum":1}}})"};
constexpr Schema balance_changed{"BalanceChanged", R"({
  "type":"object","required":["success","newBalance","transactionId","version"],
  "properties":{"success":{"type":"boolean"},"newBalance":{)" BALANCE R"(},
    "transactionId":{"type":"string"},"version":{"type":"integer","minimum":1}}})"};
constexpr Schema command_done{"CommandDone", R"({
  "type":"object","required":["success"],
  "properties":{"success":{"type":"boolean"},"accountId":{"type":"string"},"transferId":{"type":"string"},"taskId":{"type":"string"},"newBalance":{)" BALANCE
                                             R"(},
    "transactionId":{"type":"string"},"version":{"type":"integer","minimum":1}}})"};
constexpr Schema account_view{"Account", R"({
  "type":"object","description":"The fold of the account's first `version` events.",
  "required":["accountId","owner","balance","currency","status","version","createdAt","lastUpdated","transactionCount"],
  "properties":{
    "accountId":{"type":"string"},"owner":{"type":"string"},"balance":{)" BALANCE R"(},
    "currency":{"type":"string"},"status":{"type":"string","enum":["ACTIVE","CLOSED"]},
    "version":{"type":"integer","minimum":1},"createdAt":{)" TIME R"(},"lastUpdated":{)" TIME R"(},
    "transactionCount":{"type":"integer","minimum":0}}})"};
constexpr Schema account_event{"AccountEvent", R"({
  "type":"object","description":"A stored event, as it also stands on the topic.",
  "required":["version","eventId","eventType","aggregateId","data","metadata"],
  "properties":{
    "version":{"type":"integer","minimum":1},"eventId":{"type":"string"},
    "eventType":{"type":"string","enum":["ACCOUNT_CREATED","MONEY_DEPOSITED","MONEY_WITHDRAWN","ACCOUNT_CLOSED","TRANSFER_SETTLED"]},
    "aggregateId":{"type":"string"},"data":{"type":"object"},
    "metadata":{"type":"object","properties":{"timestamp":{)" TIME R"(},"version":{"type":"integer"}}}}})"};
constexpr Schema transaction{"Transaction", R"({
  "type":"object","required":["transactionId","type","amount","balanceAfter","timestamp"],
  "properties":{"transactionId":{"type":"string"},"type":{"type":"string","enum":["DEPOSIT","WITHDRAWAL"]},
    "amount":{)" AMOUNT R"(},"balanceAfter":{)" BALANCE R"(},"timestamp":{)" TIME
                                            R"(},"transferId":{"type":"string"}}})"};

const Answer bad{400, "The call is malformed; `field` names the place"};
const Answer bad_amount{400,
                        "The call is malformed, or the amount is not positive (`amount-must-be-positive`)"};
const Answer not_owner{403, "The account belongs to another user"};
const Answer unknown{404, "No such account"};
const Answer unknown_past{404, "No such account, or no such version of it yet"};
const Answer unchanged{304, "`If-None-Match` names what stands", nullptr, Shape::one, ""};
const Answer moved{412, "The account has another version than `If-Match` says"};
const Answer other_key{422, "The `Idempotency-Key` was used for another call"};
const auto& not_in_time = domain::not_in_time_answer;
const auto& later = domain::unavailable_answer;

Answer changed(int status, std::string_view meaning, const Schema& schema) {
    Answer answer{.status = status,
                  .meaning = meaning,
                  .schema = &schema,
                  .headers = {"ETag", "Stepcast-Position", "Idempotency-Replayed"}};
    if (status == 201) answer.headers.push_back("Location");
    return answer;
}

Answer listed(std::string_view meaning, const Schema& schema, std::vector<std::string_view> headers) {
    return {.status = 200,
            .meaning = meaning,
            .schema = &schema,
            .shape = Shape::list,
            .headers = std::move(headers)};
}

}  // namespace

const http::RouteInfo create{
    .summary = "Open an account",
    .description = "A closed account's id is never given again.",
    .access = Access::user,
    .parameters = {key, if_match},
    .body = &new_account,
    .answers = {changed(201, "The account is open", account_changed),
                bad,
                {403, "The owner is another user"},
                {409, "There is such an account (`account-already-created`), or the call is `still-running`"},
                moved,
                other_key,
                later},
};

const http::RouteInfo top{
    .summary = "Accounts by balance, the greatest first",
    .description = "With tokens the caller's own, for admins all.",
    .access = Access::user,
    .parameters = {{query, "sort", "The order", R"({"type":"string","enum":["-balance"]})"},
                   list_limit,
                   {query, "after", "Where the list goes on: from a `Link` header", R"({"type":"string"})"},
                   at,
                   wait_for},
    .answers = {listed("The accounts", account_view, {"Link"}),
                bad,
                {.status = 429,
                 .meaning = "Another question about the whole bank's past is being answered",
                 .headers = {"Retry-After"}},
                later,
                not_in_time},
};

const http::RouteInfo command{
    .summary = "Carry out a command as the event sourcing guide writes it",
    .access = Access::user,
    .parameters = {key, if_match},
    .body = &account_command,
    .answers = {changed(200, "A deposit or a withdrawal was carried out", command_done),
                changed(201, "The account is open", command_done),
                {.status = 202,
                 .meaning = "The transfer will be carried out",
                 .schema = &command_done,
                 .headers = {"Location", "Stepcast-Position", "Idempotency-Replayed"}},
                bad_amount,
                not_owner,
                unknown,
                {409, "The account's rules forbid it, or the call is `still-running`"},
                moved,
                other_key,
                later},
};

const http::RouteInfo account{
    .summary = "An account, now or in the past",
    .access = Access::user,
    .parameters = {account_id, version, at, wait_for},
    .answers = {{.status = 200, .meaning = "The account", .schema = &account_view, .headers = {"ETag"}},
                unchanged,
                bad,
                not_owner,
                unknown_past,
                later,
                not_in_time},
};

const http::RouteInfo deposit{
    .summary = "Pay in",
    .access = Access::user,
    .parameters = {account_id, key, if_match},
    .body = &new_deposit,
    .answers = {changed(200, "The money is there", balance_changed),
                bad_amount,
                unknown,
                {409, "`account-not-active`, `balance-too-large`, or the call is `still-running`"},
                moved,
                other_key,
                later},
};

const http::RouteInfo withdraw{
    .summary = "Pay out",
    .access = Access::user,
    .parameters = {account_id, key, if_match},
    .body = &new_withdrawal,
    .answers = {changed(200, "The money is gone", balance_changed),
                bad_amount,
                not_owner,
                unknown,
                {409, "`account-not-active`, `insufficient-balance`, or the call is `still-running`"},
                moved,
                other_key,
                later},
};

const http::RouteInfo close{
    .summary = "Close an account for good",
    .access = Access::user,
    .parameters = {account_id, key, if_match},
    .body = &closing,
    .body_required = false,
    .answers = {changed(200, "The account is closed", account_changed),
                bad,
                not_owner,
                unknown,
                {409,
                 "`account-not-active`, `balance-not-zero`, `transfer-pending`, or the call is "
                 "`still-running`"},
                moved,
                other_key,
                later},
};

const http::RouteInfo events{
    .summary = "The events of an account, in order",
    .access = Access::user,
    .parameters = {account_id, from, events_limit, wait_for},
    .answers = {listed("The events", account_event, {"ETag", "Link"}), bad, not_owner, unknown, later,
                not_in_time},
};

const http::RouteInfo transactions{
    .summary = "Deposits and withdrawals of an account, in order",
    .access = Access::user,
    .parameters = {account_id, from, list_limit, wait_for},
    .answers = {listed("The transactions", transaction, {"Link"}), bad, not_owner, unknown, later,
                not_in_time},
};

namespace {

#define RECORD_HEAD \
    R"({"type":"object","required":["eventId","eventType","aggregateId","data","metadata"],"properties":{"eventId":{"type":"string"},"eventType":{"type":"string","enum":[)"
#define RECORD_TAIL                                                                                                               \
    R"(]},"aggregateId":{"type":"string"},"data":{"type":"object"},"metadata":{"type":"object","properties":{"timestamp":{)" TIME \
    R"(},"version":{"type":"integer"}}}}})"

constexpr Schema account_record{
    "AccountRecord", RECORD_HEAD
    R"("ACCOUNT_CREATED","MONEY_DEPOSITED","MONEY_WITHDRAWN","ACCOUNT_CLOSED","TRANSFER_SETTLED")" RECORD_TAIL};
constexpr Schema transfer_record{
    "TransferRecord", RECORD_HEAD
    R"("TRANSFER_INITIATED","TRANSFER_DEBITED","TRANSFER_REFUSED","TRANSFER_COMPLETED","TRANSFER_REFUNDED","TRANSFER_STUCK","TRANSFER_RESUMED")" RECORD_TAIL};
constexpr Schema record_headers{"BankHeaders", R"({
  "type":"object","required":["eventType","aggregateId","timestamp"],
  "properties":{"eventType":{"type":"string"},"aggregateId":{"type":"string"},"timestamp":{)" TIME R"(}}})"};
constexpr Schema snapshot_record{
    "AccountSnapshot",
    R"({
  "type":"object","required":["aggregateId","snapshot","version","timestamp"],
  "properties":{
    "aggregateId":{"type":"string"},"version":{"type":"integer","minimum":1},"timestamp":{)" TIME R"(},
    "snapshot":{"type":"object","required":["id","balance","owner","status","version"],
      "properties":{"id":{"type":"string"},"balance":{)" BALANCE
    R"(},"owner":{"type":"string"},"status":{"type":"string"},"version":{"type":"integer","minimum":1}}}}})"};

constexpr http::MessageInfo account_message{.name = "AccountRecord",
                                            .meaning = "What happened to an account",
                                            .payload = &account_record,
                                            .headers = &record_headers};
constexpr http::MessageInfo transfer_message{.name = "TransferRecord",
                                             .meaning = "How far a transfer has come",
                                             .payload = &transfer_record,
                                             .headers = &record_headers};
constexpr http::MessageInfo snapshot_message{
    .name = "AccountSnapshot", .meaning = "How an account stands", .payload = &snapshot_record};

}  // namespace

domain::TopicInfo events_topic(std::string name) {
    return {.name = std::move(name),
            .meaning = "Every event of accounts and transfers, once it is stored",
            .written = true,
            .key = "aggregateId: the events of one account or transfer stay in order",
            .records = {&account_message, &transfer_message},
            .sender = "bank"};
}

domain::TopicInfo snapshots_topic(std::string name) {
    return {.name = std::move(name),
            .meaning = "The newest state of each account; compacted",
            .written = true,
            .key = "The account",
            .records = {&snapshot_message},
            .sender = "bank"};
}

}  // namespace stepcast::bank::api

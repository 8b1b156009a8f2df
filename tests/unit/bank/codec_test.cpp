#include "domain/bank/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "domain/bank/aggregate.hpp"
#include "domain/bank/ledger.hpp"
#include "domain/bank/transfer.hpp"

namespace stepcast::bank {
namespace {

using Kind = AccountCommand::Kind;
using ::testing::HasSubstr;

const Timestamp noon = *parse_rfc3339("2026-01-01T12:00:00Z");

struct Line {
    EventType type;
    std::uint8_t schema;
    const char* json;
};
// What was ever written stays readable: these lines are never changed.
const std::array<Line, 7> stored{{
    {EventType::account_created, 1,
     R"({"eventId":"e1","eventType":"ACCOUNT_CREATED","aggregateId":"ACC-001","data":{"owner":"Kim","initialBalance":1000,"currency":"KRW","status":"ACTIVE"},"metadata":{"timestamp":"2024-01-01T10:00:00.000Z","version":1}})"},
    {EventType::money_deposited, 1,
     R"({"eventId":"e2","eventType":"MONEY_DEPOSITED","aggregateId":"ACC-001","data":{"amount":500,"source":"ATM","transactionId":"t1"},"metadata":{"timestamp":"2024-01-01T10:00:01.000Z","version":1}})"},
    {EventType::money_withdrawn, 1,
     R"({"eventId":"e3","eventType":"MONEY_WITHDRAWN","aggregateId":"ACC-001","data":{"amount":200,"purpose":"Rent","transactionId":"t2"},"metadata":{"timestamp":"2024-01-01T10:00:02.000Z","version":1}})"},
    {EventType::money_deposited, 2,
     R"({"eventId":"e4","eventType":"MONEY_DEPOSITED","aggregateId":"ACC-001","data":{"amount":7,"currency":"KRW","source":"","transactionId":"t3"},"metadata":{"timestamp":"2026-01-01T10:00:00.000Z","version":4}})"},
    {EventType::money_withdrawn, 2,
     R"({"eventId":"e5","eventType":"MONEY_WITHDRAWN","aggregateId":"ACC-001","data":{"amount":1307,"currency":"KRW","purpose":"all","transactionId":"t4","transferId":"T"},"metadata":{"timestamp":"2026-01-01T10:00:01.000Z","version":5}})"},
    {EventType::transfer_settled, 1,
     R"({"eventId":"e6","eventType":"TRANSFER_SETTLED","aggregateId":"ACC-001","data":{"transferId":"T"},"metadata":{"timestamp":"2026-01-01T10:00:02.000Z","version":6}})"},
    {EventType::account_closed, 1,
     R"({"eventId":"e7","eventType":"ACCOUNT_CLOSED","aggregateId":"ACC-001","data":{"reason":"over"},"metadata":{"timestamp":"2026-01-01T10:00:03.000Z","version":7}})"},
}};

event::EventRef event_of(const Line& line, event::Version version, std::string_view json) {
    return event::Event::seal(event::Event::make({.category = &category,
                                                  .type = static_cast<std::uint8_t>(line.type),
                                                  .schema_version = line.schema,
                                                  .stream_id = "ACC-001",
                                                  .id = fmt::format("e{}", version),
                                                  .subject = "Kim",
                                                  .json = json}),
                              version, version, noon, "epoch");
}

std::vector<event::EventRef> all_stored() {
    std::vector<event::EventRef> events;
    for (const auto& line : stored) events.push_back(event_of(line, events.size() + 1, line.json));
    return events;
}

TEST(BankCodec, events_of_both_schemas_in_one_stream_give_one_state) {
    Ledger ledger;
    std::string states;
    for (const auto& event : all_stored()) {
        ASSERT_TRUE(ledger.apply(*event)) << event->json();
        EXPECT_TRUE(check_stored_account(*event)) << event->json();
        states.append(save_state(ledger.find("ACC-001")->account)).append("\n");
    }
    const auto& account = ledger.find("ACC-001")->account;
    EXPECT_EQ(account.balance, 0);
    EXPECT_EQ(account.status, Status::closed);
    EXPECT_EQ(account.transactions, 4u);
    EXPECT_TRUE(account.pending.empty());
    // If this differs, the fold or the state's layout has changed: raise state_schema, so that no snapshot of
    // before is taken for one of today, and then change the number.
    EXPECT_EQ(state_schema, 1u);
    EXPECT_EQ(fmt::format("{:016x}", stable_hash(states)), "067f6215352c9ed5") << states;
}

// What was ever written of a transfer; never changed either.
constexpr std::array<std::pair<TransferEventType, std::string_view>, 6> stored_transfer{{
    {TransferEventType::initiated,
     R"({"eventId":"T:1","eventType":"TRANSFER_INITIATED","aggregateId":"T","data":{"from":"a","to":"b","amount":30,"currency":"KRW","owner":"Kim"},"metadata":{"timestamp":"2026-01-01T10:00:00.000Z","version":1}})"},
    {TransferEventType::debited,
     R"({"eventId":"T:2","eventType":"TRANSFER_DEBITED","aggregateId":"T","data":{},"metadata":{"timestamp":"2026-01-01T10:00:01.000Z","version":2}})"},
    {TransferEventType::refused,
     R"({"eventId":"T:3","eventType":"TRANSFER_REFUSED","aggregateId":"T","data":{"reason":"Account is not active"},"metadata":{"timestamp":"2026-01-01T10:00:02.000Z","version":3}})"},
    {TransferEventType::stuck,
     R"({"eventId":"T:4","eventType":"TRANSFER_STUCK","aggregateId":"T","data":{"reason":"The balance would be too large"},"metadata":{"timestamp":"2026-01-01T10:00:03.000Z","version":4}})"},
    {TransferEventType::resumed,
     R"({"eventId":"T:5","eventType":"TRANSFER_RESUMED","aggregateId":"T","data":{},"metadata":{"timestamp":"2026-01-01T10:00:04.000Z","version":5}})"},
    {TransferEventType::refunded,
     R"({"eventId":"T:6","eventType":"TRANSFER_REFUNDED","aggregateId":"T","data":{},"metadata":{"timestamp":"2026-01-01T10:00:05.000Z","version":6}})"},
}};

TEST(BankCodec, a_stored_transfer_gives_the_state_that_it_always_gave) {
    Transfer transfer, other;
    std::string states;
    for (const auto& [type, json] : stored_transfer) {
        const auto event = decode_transfer(type, json.substr(1));
        ASSERT_TRUE(event) << json;
        evolve(transfer, *event);
        states.append(encode_transfer("T", transfer, transfer.steps.size())).append("\n");
    }
    for (const auto type :
         {TransferEventType::initiated, TransferEventType::debited, TransferEventType::completed}) {
        evolve(other, {.type = type, .at = noon, .from = "a", .to = "b", .amount = 30});
        states.append(encode_transfer("T", other, other.steps.size())).append("\n");
    }
    // Transfers have no snapshots: this number changes only with what a transfer answers.
    EXPECT_EQ(transfer_kind().snapshot_every, 0u);
    EXPECT_EQ(fmt::format("{:016x}", stable_hash(states)), "6104eef32e68b140") << states;
}

TEST(BankCodec, an_event_of_the_first_schema_is_read_as_one_of_today) {
    std::string scratch;
    const auto event = event_of(stored[1], 2, stored[1].json);
    const auto body = upcasters().body(*event, scratch);
    ASSERT_TRUE(body);
    EXPECT_THAT(std::string{*body}, HasSubstr(R"("currency":"KRW")"));
    EXPECT_EQ(event->body(), std::string_view{stored[1].json}.substr(1)) << "stored bytes never change";
    EXPECT_EQ(decode_stored(*event)->amount, 500);
    EXPECT_EQ(decode_stored(*event)->currency, "KRW");
}

TEST(BankCodec, an_event_of_a_newer_program_is_refused_and_not_guessed) {
    auto line = stored[1];
    line.schema = 3;
    const auto event = event_of(line, 2, line.json);
    EXPECT_EQ(decode_stored(*event).error().code, event::schema_errc::unknown_schema);
    EXPECT_FALSE(Ledger{}.apply(*event));
}

TEST(BankCodec, an_event_is_written_as_the_seeds_have_it) {
    const AccountEvent event{.type = EventType::money_deposited,
                             .at = noon,
                             .amount = 500,
                             .note = "ATM \"1\"",
                             .transaction = "t"};
    const auto draft = make_draft(event, "계좌/1", "e9", "Kim", 12, R"({"actor":"Kim"})");
    EXPECT_EQ(
        draft->body(),
        R"("eventId":"e9","eventType":"MONEY_DEPOSITED","aggregateId":"계좌/1","data":{"amount":500,"currency":"KRW","source":"ATM \"1\"","transactionId":"t"},"metadata":{"timestamp":"2026-01-01T12:00:00.000Z","version":12}})");
    EXPECT_EQ(draft->stream_id(), "계좌/1");
    EXPECT_EQ(draft->id(), "e9");
    EXPECT_EQ(draft->subject(), "Kim");
    EXPECT_EQ(draft->schema_version(), 2);
    EXPECT_TRUE(check_stored_account(*draft));
    const auto read = decode_stored(*draft);
    EXPECT_EQ(read->note, "ATM \"1\"");
    EXPECT_EQ(read->at, noon);
}

TEST(BankCodec, an_event_says_the_same_however_its_json_is_written) {
    for (const bool deposit : {true, false})
        for (const std::string transfer : {"", "T1"}) {
            const AccountEvent event{
                .type = deposit ? EventType::money_deposited : EventType::money_withdrawn,
                .at = noon,
                .amount = max_amount,
                .note = "급여",
                .transaction = "t",
                .transfer = transfer};
            const std::string body{make_draft(event, "a", "e", "Kim", 3, "{}")->body()};
            // What this program does not write: a space, one member more, an escape.
            for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
                     {"{", "{"},
                     {"\"data\":{", "\"data\": {"},
                     {R"("eventId":"e",)", R"("more":{},"eventId":"e",)"},
                     {R"("version":3})", R"("version":3,"more":[1]})"},
                     {"급여", R"(\uae09여)"}}) {
                std::string other = body;
                other.replace(other.find(from), from.size(), to);
                const auto read = decode_stored(event.type, other);
                ASSERT_TRUE(read) << other;
                EXPECT_EQ(read->amount, max_amount) << other;
                EXPECT_EQ(read->note, "급여") << other;
                EXPECT_EQ(read->transaction, "t") << other;
                EXPECT_EQ(read->transfer, transfer) << other;
                EXPECT_EQ(read->currency, "KRW") << other;
                EXPECT_EQ(read->at, noon) << other;
            }
            for (const std::string_view amount : {"0", "-1", "1.5", "9007199254740992"}) {
                std::string other = body;
                const auto at = other.find(std::to_string(max_amount));
                other.replace(at, std::to_string(max_amount).size(), amount);
                EXPECT_FALSE(decode_stored(event.type, other)) << other;
            }
        }
}

TEST(BankCodec, what_is_no_event_of_an_account_is_not_imported) {
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"\"amount\":500", "\"amount\":-5"},
             {"\"amount\":500", "\"amount\":1.5"},
             {"\"amount\":500", "\"amount\":9007199254740992"},
             {"\"amount\":500", "\"total\":500"},
             {"ACC-001", "ACC-002"},
             {"\"e2\"", "\"e3\""},
             {"MONEY_DEPOSITED", "MONEY_WITHDRAWN"},
             {"10:00:01.000Z", "noon"},
             {"\"transactionId\":\"t1\"", "\"transactionId\":null"},
             {"\"data\":{", "\"data\":[{"}}) {
        std::string json = stored[1].json;
        json.replace(json.find(from), from.size(), to);
        EXPECT_FALSE(check_stored_account(*event_of(stored[1], 2, json))) << json;
    }
}

TEST(BankCodec, a_state_comes_back_as_it_was) {
    Account account{.status = Status::active,
                    .balance = max_amount,
                    .owner = "김 \"x\"",
                    .currency = "KRW",
                    .created_at = noon,
                    .updated_at = noon,
                    .transactions = 3,
                    .pending = {"T1", "T2"}};
    EXPECT_EQ(load_state(save_state(account)), account);
    for (const auto* wrong : {"", "{}", "[]", R"({"status":9})", "no"})
        EXPECT_FALSE(load_state(wrong)) << wrong;
}

TEST(BankCodec, what_is_wrong_with_a_call_is_named) {
    const auto field = [](std::string_view body, Kind kind) {
        const auto sent = decode_sent(body, kind);
        return sent ? std::string{"none"} : sent.error().text();
    };
    EXPECT_EQ(field(R"({"amount":1,"more":[1]})", Kind::deposit), "none");
    EXPECT_EQ(field(R"({"amount":50.0,"source":null})", Kind::deposit), "none");
    EXPECT_EQ(field(R"({})", Kind::deposit), "amount: is required");
    EXPECT_EQ(field(R"({"amount":"1"})", Kind::deposit), "amount: must be a whole number");
    EXPECT_EQ(field(R"({"amount":0.5})", Kind::withdraw), "amount: must be a whole number");
    EXPECT_EQ(field(R"({"amount":1e300})", Kind::withdraw), "amount: must be at most 9007199254740991");
    EXPECT_EQ(field(R"({"amount":1,"purpose":7})", Kind::withdraw), "purpose: must be a string");
    EXPECT_EQ(field(R"({"owner":""})", Kind::create), "owner: must not be empty");
    EXPECT_EQ(field(R"({"accountId":"a\nb"})", Kind::create),
              "accountId: must not contain control characters");
    EXPECT_FALSE(decode_sent("[]", Kind::deposit));
    EXPECT_EQ(decode_seed_command(R"({"type":"STEAL"})").error().field, "type");
    EXPECT_EQ(decode_seed_command(R"({"type":"DEPOSIT_MONEY","amount":1})").error().field, "accountId");
    const auto command = decode_seed_command(
        R"({"type":"CREATE_ACCOUNT","accountId":"ACC-001","owner":"Kim","initialBalance":1000})");
    EXPECT_EQ(command->kind, Kind::create);
    EXPECT_EQ(command->sent.amount, 1'000);
}

}  // namespace
}  // namespace stepcast::bank

#include <boost/json.hpp>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "domain/bank/codec.hpp"
#include "domain/object.hpp"

namespace stepcast::bank {
namespace {

void append_data(std::string& out, const AccountEvent& event) {
    domain::Object data{out};
    switch (event.type) {
        case EventType::account_created:
            data.text("owner", event.owner)
                .number("initialBalance", event.amount)
                .text("currency", event.currency)
                .text("status", "ACTIVE");
            break;
        case EventType::money_deposited:
        case EventType::money_withdrawn:
            data.number("amount", event.amount)
                .text("currency", event.currency)
                .text(event.type == EventType::money_deposited ? "source" : "purpose", event.note)
                .text("transactionId", event.transaction)
                .maybe("transferId", event.transfer);
            break;
        case EventType::account_closed:
            data.text("reason", event.note);
            break;
        case EventType::transfer_settled:
            data.text("transferId", event.transfer);
            break;
    }
    data.end();
}

std::uint64_t fingerprint_of(EventType type, std::int64_t amount, std::string_view owner,
                             std::string_view note, std::string_view transfer) {
    std::string text{name_of(type)};
    append_number(text += ' ', amount);
    for (const auto part : {owner, note, transfer}) text.append("\n").append(part);
    return stable_hash(text);
}

std::uint8_t schema_of(EventType type) {
    return upcasters().today(static_cast<std::uint8_t>(type));
}

}  // namespace

std::string encode_event(const AccountEvent& event, std::string_view account_id, std::string_view event_id,
                         event::Version version) {
    std::string out;
    domain::Object whole{out};
    whole.text("eventId", event_id).text("eventType", name_of(event.type)).text("aggregateId", account_id);
    append_data(whole.member("data"), event);
    domain::Object metadata{whole.member("metadata")};
    metadata.time("timestamp", event.at).number("version", version).end();
    whole.end();
    return out;
}

event::Draft make_draft(const AccountEvent& event, std::string_view account_id, std::string_view event_id,
                        std::string_view owner, event::Version version, std::string_view metadata) {
    const auto json = encode_event(event, account_id, event_id, version);
    return event::Event::make({.category = &category,
                               .type = static_cast<std::uint8_t>(event.type),
                               .schema_version = schema_of(event.type),
                               .fingerprint = fingerprint_of(event),
                               .stream_id = domain::inside(json, account_id),
                               .id = domain::inside(json, event_id),
                               .subject = domain::inside(json, owner),
                               .json = json,
                               .metadata = metadata});
}

std::uint64_t fingerprint_of(const AccountEvent& event) {
    return fingerprint_of(event.type, event.amount, event.owner, event.note, event.transfer);
}

std::uint64_t fingerprint_of(const AccountCommand& command) {
    return fingerprint_of(type_of(command.kind), command.amount,
                          command.kind == AccountCommand::Kind::create ? command.owner : std::string_view{},
                          command.note, command.transfer);
}

std::string save_state(const Account& account) {
    boost::json::array pending(account.pending.begin(), account.pending.end());
    return boost::json::serialize(
        boost::json::object{{"status", static_cast<int>(account.status)},
                            {"balance", account.balance},
                            {"owner", account.owner},
                            {"currency", account.currency},
                            {"createdAt", account.created_at.time_since_epoch().count()},
                            {"updatedAt", account.updated_at.time_since_epoch().count()},
                            {"transactions", account.transactions},
                            {"pending", std::move(pending)}});
}

std::string encode_snapshot(std::string_view account_id, const Account& account, event::Version version) {
    std::string out;
    domain::Object whole{out};
    whole.text("aggregateId", account_id);
    domain::Object snapshot{whole.member("snapshot")};
    snapshot.text("id", account_id)
        .number("balance", account.balance)
        .text("owner", account.owner)
        .text("status", status_names[static_cast<std::size_t>(account.status)])
        .number("version", version)
        .end();
    whole.number("version", version).time("timestamp", account.updated_at).end();
    return out;
}

std::string encode_view(std::string_view account_id, const Account& account, event::Version version) {
    std::string out;
    domain::Object whole{out};
    whole.text("accountId", account_id)
        .text("owner", account.owner)
        .number("balance", account.balance)
        .text("currency", account.currency)
        .text("status", status_names[static_cast<std::size_t>(account.status)])
        .number("version", version)
        .time("createdAt", account.created_at)
        .time("lastUpdated", account.updated_at)
        .number("transactionCount", account.transactions)
        .end();
    return out;
}

std::string encode_state(std::string_view account_id, const Account& account, event::Version version) {
    std::string out = encode_view(account_id, account, version);
    out.back() = ',';
    out += "\"pendingTransfers\":[";
    for (const auto& transfer : account.pending) {
        if (out.back() != '[') out += ',';
        event::append_json_string(out, transfer);
    }
    return out += "]}";
}

std::string encode_transaction(const AccountEvent& event, std::int64_t balance_after) {
    std::string out;
    domain::Object whole{out};
    whole.text("transactionId", event.transaction)
        .text("type", event.type == EventType::money_deposited ? "DEPOSIT" : "WITHDRAWAL")
        .number("amount", event.amount)
        .number("balanceAfter", balance_after)
        .time("timestamp", event.at)
        .maybe("transferId", event.transfer)
        .end();
    return out;
}

}  // namespace stepcast::bank

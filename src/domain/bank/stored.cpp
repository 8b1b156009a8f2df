#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "domain/bank/codec.hpp"
#include "event/canonical_reader.hpp"
#include "event/ids.hpp"
#include "event/json.hpp"
#include "event/json_reader.hpp"

namespace stepcast::bank {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 5> event_names{"eventId", "eventType", "aggregateId", "data",
                                                      "metadata"};
constexpr std::array<std::string_view, 9> data_names{"owner",  "initialBalance", "currency",
                                                     "amount", "source",         "purpose",
                                                     "reason", "transactionId",  "transferId"};
constexpr std::array<std::string_view, 2> metadata_names{"timestamp", "version"};
enum EventName : std::size_t { event_id, event_type, aggregate_id, data, metadata };
enum DataName : std::size_t {
    owner,
    initial_balance,
    currency,
    amount,
    source,
    purpose,
    reason,
    transaction_id,
    transfer_id
};
using Data = std::array<std::string_view, data_names.size()>;

tl::unexpected<Error> unreadable(std::string_view field) {
    return fail(errc::unreadable, std::string{field}, "is missing or not what this type of event has");
}

bool take_text(const Data& values, DataName name, std::string& out) {
    auto text = event::json_text(values[name]);
    if (text) out = std::move(*text);
    return text.has_value();
}

bool take_amount(const Data& values, DataName name, std::int64_t least, std::int64_t& out) {
    const auto number = event::is_json_integer(values[name]) ? event::json_whole(values[name]) : std::nullopt;
    out = number.value_or(0);
    return number && *number >= least && *number <= max_amount;
}

// The name of the first member that is not there as it must be; empty: all are.
std::string_view read_data(const Data& values, AccountEvent& event) {
    const auto missing = [](bool there, DataName name) {
        return there ? std::string_view{} : data_names[name];
    };
    const bool deposit = event.type == EventType::money_deposited;
    switch (event.type) {
        case EventType::account_created:
            if (!take_text(values, owner, event.owner)) return data_names[owner];
            if (!take_text(values, currency, event.currency)) return data_names[currency];
            return missing(take_amount(values, initial_balance, 0, event.amount), initial_balance);
        case EventType::money_deposited:
        case EventType::money_withdrawn:
            take_text(values, deposit ? source : purpose, event.note);
            take_text(values, transfer_id, event.transfer);
            if (!take_text(values, currency, event.currency)) return data_names[currency];
            if (!take_text(values, transaction_id, event.transaction)) return data_names[transaction_id];
            return missing(take_amount(values, amount, 1, event.amount), amount);
        case EventType::account_closed:
            take_text(values, reason, event.note);
            return {};
        case EventType::transfer_settled:
            return missing(take_text(values, transfer_id, event.transfer), transfer_id);
    }
    return "eventType";
}

// A deposit or a withdrawal as make_draft wrote it: most events are one.
bool read_canonical(std::string_view body, AccountEvent& event) {
    const bool deposit = event.type == EventType::money_deposited;
    if (!deposit && event.type != EventType::money_withdrawn) return false;
    event::CanonicalReader reader{body};
    event::Version version = 0;
    reader.text("\"eventId\":");
    reader.text(",\"eventType\":");
    reader.text(",\"aggregateId\":");
    reader.number(",\"data\":{\"amount\":", event.amount);
    event.currency = reader.text(",\"currency\":");
    event.note = reader.text(deposit ? ",\"source\":" : ",\"purpose\":");
    event.transaction = reader.text(",\"transactionId\":");
    if (reader.has(",\"transferId\":")) event.transfer = reader.text(",\"transferId\":");
    const auto at = parse_rfc3339(reader.text("},\"metadata\":{\"timestamp\":"));
    reader.number(",\"version\":", version);
    reader.expect("}}");
    event.at = at.value_or(Timestamp{});
    return reader.at_end() && at && event.amount >= 1 && event.amount <= max_amount;
}

// The seeds' events say nothing of the currency: there was one.
std::string name_currency(std::string_view stored) {
    auto whole = event::parse_json(stored);
    if (!whole || !whole->is_object()) return std::string{stored};
    auto* inner = whole->as_object().if_contains("data");
    if (inner != nullptr && inner->is_object()) inner->as_object().emplace("currency", won);
    std::string out;
    event::append_json_value(out, *whole);
    return out;
}

}  // namespace

const event::Upcasters& upcasters() {
    static const event::Upcasters all = [] {
        constexpr auto deposited = static_cast<std::uint8_t>(EventType::money_deposited);
        constexpr auto withdrawn = static_cast<std::uint8_t>(EventType::money_withdrawn);
        const std::array<event::Schema, 2> today{{{deposited, 2}, {withdrawn, 2}}};
        const std::array<event::Upcaster, 2> steps{
            {{deposited, 1, name_currency}, {withdrawn, 1, name_currency}}};
        return event::Upcasters::make(category, today, steps).value();
    }();
    return all;
}

result<AccountEvent> decode_stored(EventType type, std::string_view body) {
    AccountEvent read{.type = type};
    if (read_canonical(body, read)) return read;
    read = {.type = type};
    thread_local std::string text;
    text.assign("{").append(body);
    const auto values = event::read_members(text, event_names);
    if (!values) return fail(errc::unreadable, {}, values.error().detail);
    const auto inner = event::read_members((*values)[data], data_names);
    if (!inner) return unreadable("data");
    if (const auto wrong = read_data(*inner, read); !wrong.empty())
        return unreadable(fmt::format("data.{}", wrong));
    const auto beside = event::read_members((*values)[metadata], metadata_names);
    if (!beside) return unreadable("metadata");
    const auto at = parse_rfc3339(event::json_text((*beside)[0]).value_or(""));
    if (!at) return unreadable("metadata.timestamp");
    read.at = *at;
    return read;
}

result<AccountEvent> decode_stored(const event::Event& stored) {
    thread_local std::string scratch;
    const auto body = upcasters().body(stored, scratch);
    if (!body) return tl::unexpected{body.error()};
    return decode_stored(static_cast<EventType>(stored.type_index()), *body);
}

result<void> check_envelope(const event::Event& draft) {
    const std::string whole = std::string{"{"}.append(draft.body());
    // A line break in it would end the frame that it is sent in.
    if (std::ranges::any_of(whole, [](unsigned char c) { return c < 0x20; }))
        return fail(errc::malformed, {}, "must stand on one line");
    const auto values = event::read_members(whole, event_names);
    if (!values) return fail(errc::malformed, {}, values.error().detail);
    const auto same = [&](EventName name, std::string_view wanted) {
        return event::json_text((*values)[name]) == wanted;
    };
    if (!same(event_id, draft.id())) return unreadable("eventId");
    if (!same(event_type, draft.type())) return unreadable("eventType");
    if (!same(aggregate_id, draft.stream_id()) || !event::fault_of_id(draft.stream_id()).empty())
        return unreadable("aggregateId");
    if (draft.lifecycle() != event::Lifecycle::neutral) return unreadable("lifecycle");
    return {};
}

result<void> check_stored_account(const event::Event& draft) {
    if (auto checked = check_envelope(draft); !checked) return checked;
    const auto read = decode_stored(draft);
    if (!read) return tl::unexpected{read.error()};
    if (read->type == EventType::account_created && read->owner != draft.subject())
        return unreadable("data.owner");
    return {};
}

std::optional<Account> load_state(std::string_view saved) {
    const auto read = event::parse_json(saved);
    if (!read || !read->is_object()) return std::nullopt;
    const auto& object = read->as_object();
    try {
        Account account;
        account.status = static_cast<Status>(object.at("status").to_number<std::uint8_t>());
        if (account.status > Status::closed) return std::nullopt;
        account.balance = object.at("balance").to_number<std::int64_t>();
        account.owner = json::value_to<std::string>(object.at("owner"));
        account.currency = json::value_to<std::string>(object.at("currency"));
        account.created_at = Timestamp{Duration{object.at("createdAt").to_number<std::int64_t>()}};
        account.updated_at = Timestamp{Duration{object.at("updatedAt").to_number<std::int64_t>()}};
        account.transactions = object.at("transactions").to_number<std::uint64_t>();
        for (const auto& transfer : object.at("pending").as_array())
            account.pending.insert(json::value_to<std::string>(transfer));
        return account;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

}  // namespace stepcast::bank

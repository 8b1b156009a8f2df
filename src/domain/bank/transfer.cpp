#include "domain/bank/transfer.hpp"

#include "base/hash.hpp"
#include "domain/bank/codec.hpp"
#include "domain/object.hpp"
#include "event/json_reader.hpp"

namespace stepcast::bank {
namespace {

using Type = TransferEventType;
using Is = TransferStatus;

const event::Upcasters as_written;  // no type has ever changed

std::string_view name_of(Type type) {
    return transfer_type_names[static_cast<std::size_t>(type)];
}

flow::SagaMove move_of(Type type) {
    using enum flow::SagaMove;
    constexpr std::array<flow::SagaMove, transfer_type_names.size()> moves{
        begun, done, refused, completed, compensated, stuck, resumed};
    return moves[static_cast<std::size_t>(type)];
}

// In the words of a transfer: of its two steps the first takes the money, the second gives it.
Is status_of(const flow::SagaState& saga) {
    switch (saga.status) {
        case flow::SagaStatus::unknown:
            return Is::unknown;
        case flow::SagaStatus::running:
            return saga.step == 0 ? Is::initiated : Is::debited;
        case flow::SagaStatus::compensating:
            return Is::debited;
        case flow::SagaStatus::completed:
            return Is::completed;
        case flow::SagaStatus::compensated:
            return Is::refunded;
        case flow::SagaStatus::stuck:
            return Is::stuck;
    }
    return Is::unknown;
}

constexpr std::array<std::string_view, 5> transfer_event_names{"eventId", "eventType", "aggregateId", "data",
                                                               "metadata"};
constexpr std::array<std::string_view, 5> transfer_data_names{"from", "to", "amount", "owner", "reason"};
constexpr std::array<std::string_view, 1> transfer_metadata_names{"timestamp"};
enum TransferData : std::size_t { data_from, data_to, data_amount, data_owner, data_reason };

std::string text_of(std::string_view value) {
    return event::json_text(value).value_or("");
}

tl::unexpected<Error> unreadable_transfer(std::string_view field) {
    return fail(errc::unreadable, std::string{field}, "is missing or not what this type of event has");
}

std::string encode_event(const TransferEvent& event, std::string_view transfer_id, std::string_view event_id,
                         event::Version version) {
    std::string out;
    domain::Object whole{out};
    whole.text("eventId", event_id).text("eventType", name_of(event.type)).text("aggregateId", transfer_id);
    domain::Object data{whole.member("data")};
    if (event.type == Type::initiated)
        data.text("from", event.from)
            .text("to", event.to)
            .number("amount", event.amount)
            .text("currency", won)
            .maybe("owner", event.owner);
    data.maybe("reason", event.reason).end();
    domain::Object metadata{whole.member("metadata")};
    metadata.time("timestamp", event.at).number("version", version).end();
    whole.end();
    return out;
}

}  // namespace

void evolve(Transfer& transfer, const TransferEvent& event) {
    transfer.updated_at = event.at;
    transfer.steps.push_back({name_of(event.type), event.at});
    flow::apply(transfer.saga, move_of(event.type), event.at, transfer.saga.step);
    transfer.status = status_of(transfer.saga);
    switch (event.type) {
        case Type::initiated:
            transfer.from = event.from;
            transfer.to = event.to;
            transfer.amount = event.amount;
            transfer.owner = event.owner;
            break;
        case Type::refused:
        case Type::stuck:
            transfer.reason = event.reason;
            break;
        case Type::refunded:
            if (!event.reason.empty()) transfer.reason = event.reason;
            break;
        case Type::resumed:
            transfer.reason.clear();
            break;
        case Type::debited:
        case Type::completed:
            break;
    }
}

std::uint64_t fingerprint_of(const TransferEvent& event) {
    std::string text{name_of(event.type)};
    append_number(text += ' ', event.amount);
    for (const std::string_view part : {event.from, event.to, event.owner}) text.append("\n").append(part);
    return stable_hash(text);
}

event::Draft make_draft(const TransferEvent& event, std::string_view transfer_id, std::string_view event_id,
                        event::Version version) {
    const auto json = encode_event(event, transfer_id, event_id, version);
    return event::Event::make({.category = &transfer_category,
                               .type = static_cast<std::uint8_t>(event.type),
                               .fingerprint = fingerprint_of(event),
                               .stream_id = domain::inside(json, transfer_id),
                               .id = domain::inside(json, event_id),
                               .subject = domain::inside(json, event.owner),
                               .json = json});
}

result<TransferEvent> decode_transfer(const event::Event& stored) {
    if (stored.schema_version() != 1) return unreadable_transfer("schemaVersion");
    return decode_transfer(static_cast<Type>(stored.type_index()), stored.body());
}

result<TransferEvent> decode_transfer(Type type, std::string_view body) {
    const std::string text = std::string{"{"}.append(body);
    const auto values = event::read_members(text, transfer_event_names);
    if (!values) return fail(errc::unreadable, {}, values.error().detail);
    const auto data = event::read_members((*values)[3], transfer_data_names);
    if (!data) return unreadable_transfer("data");
    const auto metadata = event::read_members((*values)[4], transfer_metadata_names);
    if (!metadata) return unreadable_transfer("metadata");
    const auto at = parse_rfc3339(text_of((*metadata)[0]));
    if (!at) return unreadable_transfer("metadata.timestamp");
    TransferEvent read{.type = type,
                       .at = *at,
                       .from = text_of((*data)[data_from]),
                       .to = text_of((*data)[data_to]),
                       .amount = event::json_whole((*data)[data_amount]).value_or(0),
                       .owner = text_of((*data)[data_owner]),
                       .reason = text_of((*data)[data_reason])};
    if (type == Type::initiated &&
        (read.from.empty() || read.to.empty() || read.amount < 1 || read.amount > max_amount ||
         !event::is_json_integer((*data)[data_amount])))
        return unreadable_transfer("data");
    return read;
}

result<void> check_stored_transfer(const event::Event& draft) {
    if (auto checked = check_envelope(draft); !checked) return checked;
    const auto read = decode_transfer(draft);
    if (!read) return tl::unexpected{read.error()};
    return {};
}

std::string encode_transfer(std::string_view transfer_id, const Transfer& transfer, event::Version version) {
    std::string out;
    domain::Object whole{out};
    whole.text("transferId", transfer_id)
        .text("from", transfer.from)
        .text("to", transfer.to)
        .number("amount", transfer.amount)
        .text("currency", won)
        .text("status", transfer_status_names[static_cast<std::size_t>(transfer.status)])
        .number("version", version)
        .maybe("reason", transfer.reason);
    auto& steps = whole.member("steps") += '[';
    for (const auto& [name, at] : transfer.steps) {
        if (steps.back() != '[') steps += ',';
        domain::Object step{steps};
        step.text("step", name).time("timestamp", at).end();
    }
    steps += ']';
    whole.end();
    return out;
}

void TransferAggregate::evolve(const event::Event& event, std::string_view body) {
    const auto read = decode_transfer(static_cast<Type>(event.type_index()), body);
    if (read)
        bank::evolve(transfer_, *read);
    else
        broken_ = true;
}

flow::AggregateKind transfer_kind() {
    return {&transfer_category, &as_written, 1, 0, [] { return std::make_unique<TransferAggregate>(); }};
}

}  // namespace stepcast::bank

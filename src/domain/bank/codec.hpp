#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/bank/model.hpp"
#include "event/upcaster.hpp"

namespace stepcast::bank {

/// What a caller sent of a transfer.
struct SentTransfer {
    std::string id{};  ///< empty: not sent
    std::string from{};
    std::string to{};
    std::int64_t amount = 0;  ///< of any sign
};
result<SentTransfer> decode_sent_transfer(std::string_view body);

/// What a caller sent. Absent is empty.
struct Sent {
    std::string type{};  ///< of the seeds' commands
    std::string account_id{};
    std::string owner{};
    std::string note{};                    ///< source, purpose or reason
    std::optional<std::int64_t> amount{};  ///< amount or initialBalance
};

/// Reads a command's body: what its kind needs must be there, unknown members are passed over. The account id
/// is not asked for. Errors name the field.
result<Sent> decode_sent(std::string_view body, AccountCommand::Kind kind);
/// The seeds' commands: `{"type":"DEPOSIT_MONEY","accountId":…}`. Gives the kind beside it, or of
/// TRANSFER_MONEY none: then the body is that of a transfer.
struct SeedCommand {
    std::optional<AccountCommand::Kind> kind{};
    Sent sent{};
};
result<SeedCommand> decode_seed_command(std::string_view body);

/// The seeds' AccountEvent as it is stored, sent and published:
/// `{"eventId":…,"eventType":…,"aggregateId":…,"data":{…},"metadata":{"timestamp":…,"version":…}}`.
std::string encode_event(const AccountEvent& event, std::string_view account_id, std::string_view event_id,
                         event::Version version);
/// The same as a draft of the account's stream. `metadata`: as event::to_json gives it.
event::Draft make_draft(const AccountEvent& event, std::string_view account_id, std::string_view event_id,
                        std::string_view owner, event::Version version, std::string_view metadata);

/// Of what was asked for and nothing that we gave: tells a retry from a conflict.
std::uint64_t fingerprint_of(const AccountEvent& event);
/// The same of the event that a command leads to.
std::uint64_t fingerprint_of(const AccountCommand& command);

/// Reads a stored event in today's schema, less its opening brace.
result<AccountEvent> decode_stored(EventType type, std::string_view body);
/// The same of a stored event, whatever schema it was written in.
result<AccountEvent> decode_stored(const event::Event& stored);
/// Refuses what is no stored event of an account, of any schema that was ever written.
result<void> check_stored_account(const event::Event& draft);
/// Refuses an event whose JSON does not say what stands beside it: the ids and the type.
result<void> check_envelope(const event::Event& draft);

/// How older events are read. Schema 2 of deposits and withdrawals names the currency.
const event::Upcasters& upcasters();

/// The state in a snapshot of the store.
inline constexpr std::uint32_t state_schema = 1;
std::string save_state(const Account& account);
std::optional<Account> load_state(std::string_view saved);

/// The seeds' snapshot: `{"aggregateId":…,"snapshot":{"id":…},"version":…,"timestamp":…}`.
std::string encode_snapshot(std::string_view account_id, const Account& account, event::Version version);

/// The seeds' account view, with version and currency.
std::string encode_view(std::string_view account_id, const Account& account, event::Version version);
/// The same with what else the state holds, for operators.
std::string encode_state(std::string_view account_id, const Account& account, event::Version version);
/// One line of the list of transactions.
std::string encode_transaction(const AccountEvent& event, std::int64_t balance_after);

}  // namespace stepcast::bank

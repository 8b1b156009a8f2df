#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "event/event.hpp"

namespace stepcast::bank {

enum class EventType : std::uint8_t {
    account_created,
    money_deposited,
    money_withdrawn,
    account_closed,
    transfer_settled,  ///< of the account that sent the money: it will not come back any more
};
inline constexpr std::array<std::string_view, 5> event_type_names{
    "ACCOUNT_CREATED", "MONEY_DEPOSITED", "MONEY_WITHDRAWN", "ACCOUNT_CLOSED", "TRANSFER_SETTLED"};

constexpr std::string_view name_of(EventType type) {
    return event_type_names[static_cast<std::size_t>(type)];
}

/// Streams `account-ID`. They never expire.
inline constexpr event::Category category{"account", "account", event_type_names, false};

/// Whole won. The most that an amount or a balance can be: what every client's numbers hold exactly.
inline constexpr std::int64_t max_amount = (std::int64_t{1} << 53) - 1;
inline constexpr std::string_view won = "KRW";

enum class errc {
    malformed = 1,    ///< no JSON, or not an object
    invalid_field,    ///< missing, of the wrong type, too long or out of range; `field` says which
    unknown_account,  ///< no such account
    already_created,
    not_active,
    amount_not_positive,
    insufficient_balance,
    balance_too_large,  ///< it would be more than max_amount
    balance_not_zero,
    transfer_pending,  ///< money that was sent may still come back
    not_owner,         ///< the account is another user's
    wrong_version,     ///< it is not where the caller believed
    same_account,      ///< money cannot go from an account to itself
    unknown_transfer,
    unreadable,  ///< an event of it cannot be read by this program
};
std::error_code make_error_code(errc e);

/// One event of an account. What its type does not need is empty.
struct AccountEvent {
    EventType type = EventType::account_created;
    Timestamp at{};
    std::int64_t amount = 0;    ///< of ACCOUNT_CREATED the initial balance
    std::string owner{};        ///< of ACCOUNT_CREATED
    std::string currency{won};  ///< of what has an amount
    std::string note{};         ///< the deposit's source, the withdrawal's purpose, the closing's reason
    std::string transaction{};  ///< id of a deposit or withdrawal
    std::string transfer{};     ///< the transfer that it belongs to
};

enum class Status : std::uint8_t { inactive, active, closed };
inline constexpr std::array<std::string_view, 3> status_names{"INACTIVE", "ACTIVE", "CLOSED"};

/// The seeds' BankAccount: the fold of its events. INACTIVE before the first.
struct Account {
    Status status = Status::inactive;
    std::int64_t balance = 0;
    std::string owner{};
    std::string currency{};
    Timestamp created_at{};
    Timestamp updated_at{};
    std::uint64_t transactions = 0;   ///< deposits and withdrawals
    std::set<std::string> pending{};  ///< transfers that took money from it and have not ended

    friend bool operator==(const Account&, const Account&) = default;
};

/// What somebody wants of an account.
struct AccountCommand {
    enum class Kind : std::uint8_t { create, deposit, withdraw, close, settle };
    Kind kind = Kind::create;
    std::int64_t amount = 0;
    std::string owner{};   ///< of create
    std::string note{};    ///< as in AccountEvent
    std::string caller{};  ///< who must own the account to take from it or close it; empty: not asked
    std::string transaction{};
    std::string transfer{};
    Timestamp now{};
    std::optional<event::Version> expected{};  ///< the version that its caller believes in
};

EventType type_of(AccountCommand::Kind kind);

/// The event that a command leads to, or why it is refused: the seeds' rules in their order. An account's
/// events never go back in time.
result<AccountEvent> decide(const Account& account, event::Version version, const AccountCommand& command);

/// Moves the state by an event, whatever its rules were when it happened.
void evolve(Account& account, const AccountEvent& event);

}  // namespace stepcast::bank

template <>
struct std::is_error_code_enum<stepcast::bank::errc> : std::true_type {};

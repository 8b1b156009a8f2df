#include "domain/bank/model.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "base/error_category.hpp"

namespace stepcast::bank {
namespace {

using Kind = AccountCommand::Kind;

result<void> check_money(const Account& account, const AccountCommand& command) {
    if (command.amount <= 0) return fail(errc::amount_not_positive);
    if (command.kind == Kind::withdraw) {
        if (account.balance < command.amount) return fail(errc::insufficient_balance);
        return {};
    }
    if (account.balance > max_amount - command.amount) return fail(errc::balance_too_large);
    return {};
}

result<void> check_closing(const Account& account) {
    if (account.balance != 0)
        return fail(errc::balance_not_zero, {},
                    fmt::format("The balance is {}; withdraw it first", account.balance));
    if (!account.pending.empty())
        return fail(errc::transfer_pending, {},
                    fmt::format("Transfer {} is under way", *account.pending.begin()));
    return {};
}

result<void> check(const Account& account, event::Version version, const AccountCommand& command) {
    if (command.kind == Kind::create) {
        if (account.status != Status::inactive) return fail(errc::already_created);
        if (command.amount < 0 || command.amount > max_amount)
            return fail(errc::invalid_field, "initialBalance",
                        fmt::format("must be between 0 and {}", max_amount));
    } else if (account.status == Status::inactive) {
        return fail(errc::unknown_account);
    }
    const bool takes = command.kind == Kind::withdraw || command.kind == Kind::close;
    if (takes && !command.caller.empty() && command.caller != account.owner) return fail(errc::not_owner);
    if (command.expected && *command.expected != version)
        return fail(errc::wrong_version, {}, std::to_string(version));
    if (command.kind == Kind::create) return {};
    if (command.kind == Kind::settle) return {};
    if (account.status != Status::active) return fail(errc::not_active);
    return command.kind == Kind::close ? check_closing(account) : check_money(account, command);
}

}  // namespace

// The first four are the seeds' own sentences.
std::error_code make_error_code(errc e) {
    static const ErrorCategory<errc> texts{"bank",
                                           {{errc::already_created, "Account already created"},
                                            {errc::not_active, "Account is not active"},
                                            {errc::amount_not_positive, "Amount must be positive"},
                                            {errc::insufficient_balance, "Insufficient balance"},
                                            {errc::malformed, "not a JSON object"},
                                            {errc::invalid_field, "a field is missing or wrong"},
                                            {errc::unknown_account, "There is no such account"},
                                            {errc::balance_too_large, "The balance would be too large"},
                                            {errc::balance_not_zero, "The balance is not zero"},
                                            {errc::transfer_pending, "A transfer is under way"},
                                            {errc::not_owner, "The account belongs to another user"},
                                            {errc::wrong_version, "The account has another version"},
                                            {errc::same_account, "The accounts are the same"},
                                            {errc::unknown_transfer, "There is no such transfer"},
                                            {errc::unreadable, "An event of this account cannot be read"}}};
    return texts.code(e);
}

EventType type_of(Kind kind) {
    switch (kind) {
        case Kind::create:
            return EventType::account_created;
        case Kind::deposit:
            return EventType::money_deposited;
        case Kind::withdraw:
            return EventType::money_withdrawn;
        case Kind::close:
            return EventType::account_closed;
        case Kind::settle:
            break;
    }
    return EventType::transfer_settled;
}

result<AccountEvent> decide(const Account& account, event::Version version, const AccountCommand& command) {
    if (auto checked = check(account, version, command); !checked) return tl::unexpected{checked.error()};
    return AccountEvent{.type = type_of(command.kind),
                        .at = std::max(command.now, account.updated_at),
                        .amount = command.amount,
                        .owner = command.kind == Kind::create ? command.owner : std::string{},
                        .currency = std::string{won},
                        .note = command.note,
                        .transaction = command.transaction,
                        .transfer = command.transfer};
}

void evolve(Account& account, const AccountEvent& event) {
    account.updated_at = event.at;
    switch (event.type) {
        case EventType::account_created:
            account.status = Status::active;
            account.owner = event.owner;
            account.balance = event.amount;
            account.currency = event.currency;
            account.created_at = event.at;
            break;
        case EventType::money_deposited:
            account.balance += event.amount;
            ++account.transactions;
            account.pending.erase(event.transfer);  // money that comes back
            break;
        case EventType::money_withdrawn:
            account.balance -= event.amount;
            ++account.transactions;
            if (!event.transfer.empty()) account.pending.insert(event.transfer);
            break;
        case EventType::account_closed:
            account.status = Status::closed;
            break;
        case EventType::transfer_settled:
            account.pending.erase(event.transfer);
            break;
    }
}

}  // namespace stepcast::bank

#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace stepcast::proof {

/// A deposit or a withdrawal that was answered. Times are of one monotonic clock, in any unit.
struct BankCall {
    std::string key;  ///< unique, told by the event that it led to
    std::uint64_t version = 0;
    std::int64_t balance = 0;
    std::uint64_t asked_at = 0;  ///< the first time
    std::uint64_t answered_at = 0;
};

/// An event of an account as the server lists it.
struct BankEvent {
    std::string id;
    std::uint64_t version = 0;
    std::int64_t change = 0;  ///< of the balance
    std::string key{};        ///< of the call that it comes from; empty: of none
};

/// What is wrong with what one account's clients were told, and its events in order: versions that are not
/// dense or told twice, an id that stands there twice, a balance that is not the sum up to its version or is
/// below zero, an answer that came before a call and has no lower version, a call without its one event.
/// Pure. At most `most` sentences; none: nothing.
std::vector<std::string> faults_of_account(const std::string& account, const std::vector<BankCall>& calls,
                                           const std::vector<BankEvent>& events, std::size_t most = 10);

}  // namespace stepcast::proof

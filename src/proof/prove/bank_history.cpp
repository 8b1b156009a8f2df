#include "proof/prove/bank_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace stepcast::proof {
namespace {

/// Collects sentences about one account, up to a bound.
class Faults {
  public:
    Faults(const std::string& account, std::size_t most) : account_{account}, most_{most} {}

    template <class... Parts>
    void add(fmt::format_string<Parts...> text, Parts&&... parts) {
        if (all.size() < most_)
            all.push_back(account_ + ": " + fmt::format(text, std::forward<Parts>(parts)...));
    }
    std::vector<std::string> all;

  private:
    const std::string& account_;
    const std::size_t most_;
};

/// The balance at each version, 0 included.
std::vector<std::int64_t> fold(const std::vector<BankEvent>& events, Faults& faults) {
    std::vector<std::int64_t> balances{0};
    std::set<std::string_view> ids;
    for (const auto& event : events) {
        if (event.version != balances.size())
            faults.add("version {} stands where {} is due", event.version, balances.size());
        if (!ids.insert(event.id).second) faults.add("event {} is there twice", event.id);
        balances.push_back(balances.back() + event.change);
        if (balances.back() < 0)
            faults.add("the balance at version {} is {}", event.version, balances.back());
    }
    return balances;
}

void check_effects(const std::vector<BankCall>& calls, const std::vector<BankEvent>& events, Faults& faults) {
    std::map<std::string_view, std::vector<std::uint64_t>> effects;
    for (const auto& event : events)
        if (!event.key.empty()) effects[event.key].push_back(event.version);
    for (const auto& call : calls) {
        const auto& versions = effects[call.key];
        if (versions.size() != 1)
            faults.add("call {} has {} events", call.key, versions.size());
        else if (versions.front() != call.version)
            faults.add("call {} was told version {}, its event has {}", call.key, call.version,
                       versions.front());
    }
}

/// Goes through the calls as they were asked, and keeps the highest version answered until then.
void check_answers(const std::vector<BankCall>& calls, Faults& faults) {
    std::vector<const BankCall*> asked, answered;
    for (const auto& call : calls) asked.push_back(&call);
    answered = asked;
    std::ranges::sort(asked, {}, &BankCall::asked_at);
    std::ranges::sort(answered, {}, &BankCall::answered_at);
    const BankCall* highest = nullptr;
    auto next = answered.begin();
    for (const auto* call : asked) {
        for (; next != answered.end() && (*next)->answered_at < call->asked_at; ++next)
            if (highest == nullptr || (*next)->version > highest->version) highest = *next;
        if (highest != nullptr && highest->version >= call->version)
            faults.add("call {} was told version {} after {} had been told {}", call->key, call->version,
                       highest->key, highest->version);
    }
}

}  // namespace

std::vector<std::string> faults_of_account(const std::string& account, const std::vector<BankCall>& calls,
                                           const std::vector<BankEvent>& events, std::size_t most) {
    Faults faults{account, most};
    const auto balances = fold(events, faults);
    std::set<std::uint64_t> told;
    for (const auto& call : calls) {
        if (!told.insert(call.version).second) faults.add("version {} was told to two calls", call.version);
        if (call.version == 0 || call.version >= balances.size())
            faults.add("call {} was told version {}, which is not there", call.key, call.version);
        else if (balances[call.version] != call.balance)
            faults.add("call {} was told {} at version {}, where the sum is {}", call.key, call.balance,
                       call.version, balances[call.version]);
    }
    check_effects(calls, events, faults);
    check_answers(calls, faults);
    return faults.all;
}

}  // namespace stepcast::proof

#include "domain/bank/ledger.hpp"

#include "domain/bank/codec.hpp"

namespace stepcast::bank {
namespace {

// An account's node, its place in both tables and the allocator's share.
constexpr std::uint64_t bytes_per_account = 400;
constexpr std::size_t max_looked = 10'000;

}  // namespace

bool Ledger::apply(const event::Event& event) {
    return fold(event, nullptr);
}

bool Ledger::apply_until(const event::Event& event, Timestamp at) {
    return fold(event, &at);
}

bool Ledger::fold(const event::Event& event, const Timestamp* until) {
    const auto found = accounts_.find(event.stream_id());
    auto* known = found == accounts_.end() ? nullptr : found->second.get();
    if (known != nullptr && known->second.version >= event.version()) return true;
    const auto read = decode_stored(event);
    if (!read) return false;
    if (until != nullptr && read->at > *until) return true;
    if (known == nullptr)
        known = &open(event.stream_id());
    else
        ranks_.erase({known->second.account.balance, known->first});
    auto& [id, entry] = *known;
    evolve(entry.account, *read);
    entry.version = event.version();
    ranks_.insert({entry.account.balance, id});
    return true;
}

Ledger::Node& Ledger::open(std::string_view id) {
    auto fresh = std::make_unique<Node>(id, Entry{});
    auto& node = *fresh;
    accounts_.emplace(node.first, std::move(fresh));
    memory_ += bytes_per_account;
    return node;
}

void Ledger::put(std::string_view id, Account account, event::Version version) {
    auto& [name, entry] = open(id);
    entry = {std::move(account), version};
    ranks_.insert({entry.account.balance, name});
}

const Ledger::Entry* Ledger::find(std::string_view id) const {
    const auto found = accounts_.find(id);
    return found == accounts_.end() ? nullptr : &found->second->second;
}

std::string_view Ledger::id_of(std::string_view id) const {
    const auto found = accounts_.find(id);
    return found == accounts_.end() ? std::string_view{} : found->first;
}

bool Ledger::shed(std::size_t count) {
    for (; count != 0 && !ranks_.empty(); --count) {
        const auto account = accounts_.find(ranks_.begin()->id);
        ranks_.erase(ranks_.begin());
        accounts_.erase(account);
    }
    return !ranks_.empty();
}

Ledger::Top Ledger::top(std::optional<Rank> after, std::size_t limit, std::string_view owner) const {
    Top top;
    std::size_t looked = 0;
    auto next = after ? ranks_.upper_bound(*after) : ranks_.begin();
    for (; next != ranks_.end() && top.accounts.size() < limit && looked < max_looked; ++next, ++looked) {
        const auto* entry = find(next->id);
        top.last = *next;
        if (owner.empty() || entry->account.owner == owner) top.accounts.emplace_back(next->id, entry);
    }
    top.more = next != ranks_.end();
    return top;
}

bool operator==(const Ledger& a, const Ledger& b) {
    if (a.size() != b.size()) return false;
    for (const auto& [id, known] : a.accounts_) {
        const auto* other = b.find(id);
        if (other == nullptr || *other != known->second) return false;
    }
    return true;
}

}  // namespace stepcast::bank

#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.hpp"
#include "domain/bank/model.hpp"

namespace stepcast::bank {

/// Every account as of some position: folded from the events of all of them. A value without a strand.
class Ledger {
  public:
    struct Entry {
        Account account;
        event::Version version = 0;

        friend bool operator==(const Entry&, const Entry&) = default;
    };
    /// Where an account stands in the order of balances.
    struct Rank {
        std::int64_t balance = 0;
        std::string_view id{};
        /// The greatest balance first; of one balance by id.
        friend bool operator<(const Rank& a, const Rank& b) {
            return a.balance != b.balance ? a.balance > b.balance : a.id < b.id;
        }
    };

    /// An account as of a version, in the place of its events up to there.
    void put(std::string_view id, Account account, event::Version version);
    /// Folds the next event of its account, unless that is there as of a version behind it. False, and the
    /// event is left out, if it cannot be read.
    bool apply(const event::Event& event);
    /// The same for events up to a time only, by what they say themselves.
    bool apply_until(const event::Event& event, Timestamp at);

    const Entry* find(std::string_view id) const;
    /// The account's id as the ledger keeps it: it stays where it is, also when the ledger is moved. Empty if
    /// there is none.
    std::string_view id_of(std::string_view id) const;
    std::size_t size() const { return accounts_.size(); }
    /// Accounts from the greatest balance on, behind `after`: at most `limit` of this owner, or of anybody if
    /// that is empty. Looks at no more than `max_looked` accounts; `more` tells whether others may follow.
    struct Top {
        std::vector<std::pair<std::string_view, const Entry*>> accounts;
        bool more = false;
        Rank last{};  ///< of the last that was looked at
    };
    Top top(std::optional<Rank> after, std::size_t limit, std::string_view owner) const;

    std::uint64_t memory() const { return memory_; }
    /// Forgets some accounts, at most `count`; false once it holds none. Of a large ledger, to be free in
    /// slices.
    bool shed(std::size_t count);

    friend bool operator==(const Ledger& a, const Ledger& b);

  private:
    using Node = std::pair<const std::string, Entry>;

    bool fold(const event::Event& event, const Timestamp* until);
    Node& open(std::string_view id);

    // Ids are stable: the ranks point to them.
    boost::unordered_flat_map<std::string_view, std::unique_ptr<Node>, KeyedHash, std::equal_to<>> accounts_;
    std::set<Rank> ranks_;
    std::uint64_t memory_ = 0;
};

}  // namespace stepcast::bank

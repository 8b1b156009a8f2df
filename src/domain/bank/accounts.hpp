#pragma once
#include <memory>
#include <string>
#include <vector>

#include "domain/bank/aggregate.hpp"
#include "domain/bank/projection.hpp"
#include "domain/calls.hpp"
#include "domain/module.hpp"
#include "flow/commands.hpp"
#include "http/past.hpp"

namespace stepcast::bank {

using aio::awaitable;

enum class query_errc {
    rebuilding = 1,   ///< the state is being folded: come again
    unknown_version,  ///< the account has no such version yet, or none at that time
    busy,             ///< another question about the whole bank's past is being answered
    unavailable,      ///< the store cannot be read or written now
};
std::error_code make_error_code(query_errc e);

/// The seeds' AccountCommandHandler and AccountRepository: carries out commands on accounts and answers
/// questions about them. Calls from any strand; what they do happens on the core strand.
class Accounts {
  public:
    struct Options {
        std::uint32_t snapshot_every = 10;  ///< events of an account; 0: no snapshots
        std::string events_topic = "event-stream-accounts";
        std::string snapshots_topic = "snapshots";
        Duration keep_answers = std::chrono::hours{7 * 24};
    };

    /// All outlive it.
    Accounts(const domain::Parts& parts, Options options);

    /// A command with what belongs to its call.
    struct Wish {
        std::string account_id;
        AccountCommand command{};
        event::Metadata cause{};               ///< of all that it leads to
        std::optional<flow::KeyedCall> key{};  ///< who sends it again is given its answer
        /// Given by a saga: an account that has this event has carried the command out. Empty: a new one.
        std::string event_id{};
        std::optional<store::Fence> fence{};
    };
    /// Returns once the event is durable and can be read here. `now` and the transaction's id are filled in.
    awaitable<result<domain::Written>> carry_out(Wish wish);

    struct View {
        std::string id;
        Account account;
        event::Version version = 0;
    };
    /// The account now or in the past; a version beyond its head is unknown.
    awaitable<result<View>> view(std::string id, http::Past past);
    /// Accounts by balance, now or at a time, as Ledger::top gives them.
    struct Top {
        std::vector<View> accounts;
        bool more = false;
        std::int64_t last_balance = 0;  ///< with this id: where the next page begins
        std::string last_id{};
    };
    struct Page {
        std::optional<std::pair<std::int64_t, std::string>> after{};  ///< a balance and an id
        std::size_t limit = 100;
        std::string owner{};  ///< empty: anybody's
    };
    awaitable<result<Top>> top(Page page, std::optional<Timestamp> at);
    /// Events from a version on, up to one.
    awaitable<result<store::Page>> events(std::string id, event::Version from, event::Version to,
                                          std::size_t limit);
    /// Deposits and withdrawals from a version on, as JSON; `next`: the version that the rest begins with, 0
    /// if there is none.
    struct Transactions {
        std::string json;
        event::Version next = 0;
    };
    awaitable<result<Transactions>> transactions(std::string id, event::Version from, std::size_t limit);

    /// On the core strand.
    awaitable<void> stop() { return commands_.stop(); }
    /// While the store is loaded: the projection begins at the snapshots that it has.
    void begin_at_snapshots(bool loading) {
        projection_.begin_at_snapshots(loading ? &commands_.reader() : nullptr);
    }
    const AccountProjection& projection() const { return projection_; }
    AccountProjection& projection() { return projection_; }
    std::uint64_t snapshots_ignored() const { return commands_.reader().passed_over(); }
    const flow::Commands::Snapshots& snapshots() const { return commands_.snapshots(); }
    const Options& options() const { return options_; }

  private:
    awaitable<result<domain::Written>> write(std::shared_ptr<const Wish> wish);
    result<flow::Decision> decide(const Wish& wish, domain::Answer& answer, const AccountAggregate& state,
                                  event::Version version) const;
    awaitable<result<domain::Written>> kept(const Wish& wish, const domain::Answer& own);
    awaitable<result<View>> view_at(std::string id, event::Version version);
    awaitable<result<event::Version>> version_at(const std::string& id, Timestamp at);
    awaitable<result<Ledger>> whole_past(Timestamp at);
    result<void> check_live() const;

    const domain::Parts parts_;
    const Options options_;
    AccountProjection projection_;
    flow::Commands commands_;
    flow::KeptAnswers kept_;
    bool asked_for_past_ = false;
};

}  // namespace stepcast::bank

template <>
struct std::is_error_code_enum<stepcast::bank::query_errc> : std::true_type {};

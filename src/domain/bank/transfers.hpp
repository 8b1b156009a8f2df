#pragma once
#include <set>

#include "aio/stop.hpp"
#include "domain/bank/accounts.hpp"
#include "domain/bank/transfer.hpp"

namespace stepcast::bank {

/// Moves money from one account to another as a saga, with a stream of its own for each transfer: taken from
/// the one, given to the other, or brought back. Every step is a command with an id that is made from the
/// transfer, so that it acts once however often it is given; what is under way is remembered by a timer in
/// the store, and goes on after a restart. Whoever has the lease drives them: of several nodes one.
class Transfers {
  public:
    struct Options {
        std::string events_topic = "event-stream-accounts";
        std::string progress_topic = "progress-events";  ///< each transfer is a task there
        std::size_t max_under_way = 10'000;
        Duration lease = std::chrono::seconds{30};
    };

    /// All outlive it.
    Transfers(const domain::Parts& parts, Accounts& accounts, Options options);

    struct Wish {
        std::string id;
        std::string from;
        std::string to;
        std::int64_t amount = 0;
        std::string caller{};  ///< who must own the account that pays; empty: not asked
    };
    /// Returns once the transfer is durable. `replayed`: there was this transfer.
    awaitable<result<domain::Written>> begin(Wish wish);

    struct View {
        std::string id;
        Transfer transfer;
        event::Version version = 0;
    };
    awaitable<result<View>> view(std::string id);
    /// One that is stuck goes on with the step that it is stuck at.
    awaitable<result<domain::Written>> resume(std::string id);

    /// On the core strand: goes on with what is under way, and watches.
    void start();
    awaitable<void> stop();

    struct Counts {
        std::size_t under_way = 0;
        std::uint64_t completed = 0;
        std::uint64_t refunded = 0;
        std::uint64_t stuck = 0;        ///< became so
        std::uint64_t late_timers = 0;  ///< of transfers that had ended
    };
    Counts counts() const;

  private:
    enum class Step : std::uint8_t { take, give, give_back, settle };

    result<void> check(const Wish& wish) const;
    awaitable<result<domain::Written>> write_first(std::shared_ptr<const Wish> wish);
    awaitable<void> watch();
    awaitable<result<void>> look(Timestamp until);
    void drive_beside(const std::string& id);
    awaitable<void> drive(std::string id);
    awaitable<result<bool>> step(const std::string& id);
    awaitable<result<bool>> carry_out(const std::string& id, const Transfer& transfer,
                                      const store::Fence& fence);
    awaitable<result<void>> move(const std::string& id, const Transfer& transfer, const store::Fence& fence,
                                 Step step);
    awaitable<result<store::Receipt>> advance(const std::string& id, TransferEvent event,
                                              std::optional<store::Fence> fence);
    flow::Decision decision(const std::string& id, const Transfer& before, const TransferEvent& event,
                            event::Version version) const;
    store::Timer timer_of(const std::string& id) const;
    awaitable<result<View>> load(const std::string& id);

    const domain::Parts parts_;
    Accounts& accounts_;
    const Options options_;
    const std::string holder_;
    flow::Commands commands_;
    std::set<std::string, std::less<>> under_way_;
    Counts counts_;
    aio::Stop stop_;
    aio::Gate gate_;  // last: what is under way ends before anything that it uses
};

}  // namespace stepcast::bank

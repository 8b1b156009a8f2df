#pragma once
#include "domain/bank/accounts.hpp"
#include "domain/bank/transfer.hpp"
#include "flow/process_manager.hpp"

namespace stepcast::bank {

/// Moves money from one account to another as a saga of two steps: taken from the one, given to the other, or
/// brought back. Every step is a command with an id that is made from the transfer, so that it acts once
/// however often it is given, and nothing is ever in doubt.
class Transfers final : public flow::SagaPlan {
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
        std::string caller{};     ///< who must own the account that pays; empty: not asked
        event::Metadata cause{};  ///< of all that it leads to
    };
    /// Returns once the transfer is durable. `replayed`: there was this transfer.
    awaitable<result<domain::Written>> begin(Wish wish);

    struct View {
        std::string id;
        Transfer transfer;
        event::Version version = 0;
    };
    awaitable<result<View>> view(std::string id);

    /// On the core strand, as everything below.
    void start() { sagas_.start(); }
    awaitable<void> stop() { return sagas_.stop(); }
    flow::ProcessManager& sagas() { return sagas_; }
    const flow::ProcessManager& sagas() const { return sagas_; }

    std::string_view name() const override { return "transfer"; }
    std::span<const flow::SagaStep> steps() const override;
    const flow::SagaState* saga(const flow::Aggregate& state) const override;
    std::string owner(const flow::Aggregate& state) const override;
    std::string reason(const flow::Aggregate& state) const override;
    awaitable<result<flow::SagaAnswer>> act(const flow::SagaTurn& turn) override;
    awaitable<result<flow::SagaAnswer>> undo(const flow::SagaTurn& turn) override;
    bool is_refusal(const Error& error) const override;
    flow::Decision tell(const std::string& id, const flow::Aggregate& state, event::Version version,
                        const Told& told) const override;

  private:
    enum class Step : std::uint8_t { take, give, give_back, settle };

    result<void> check(const Wish& wish) const;
    awaitable<result<domain::Written>> write_first(std::shared_ptr<const Wish> wish);
    awaitable<result<View>> load(const std::string& id);
    awaitable<result<flow::SagaAnswer>> move(const flow::SagaTurn& turn, Step step);
    flow::Decision decision(const std::string& id, const Transfer& before, const TransferEvent& event,
                            event::Version version) const;

    const domain::Parts parts_;
    Accounts& accounts_;
    const Options options_;
    flow::ProcessManager sagas_;  // last: it drives what stands above
};

}  // namespace stepcast::bank

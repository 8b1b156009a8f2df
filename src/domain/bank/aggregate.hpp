#pragma once
#include "domain/bank/codec.hpp"
#include "flow/aggregate.hpp"

namespace stepcast::bank {

/// An account as the commands on it see it.
class AccountAggregate final : public flow::Aggregate {
  public:
    void evolve(const event::Event& event, std::string_view body) override;
    std::string save() const override { return save_state(account_); }
    bool restore(std::string_view saved) override;

    const Account& account() const { return account_; }
    /// An event could not be read, so what stands here is not the account.
    bool broken() const { return broken_; }

  private:
    Account account_;
    bool broken_ = false;
};

inline const AccountAggregate& of(const flow::Aggregate& state) {
    return static_cast<const AccountAggregate&>(state);
}

flow::AggregateKind account_kind(std::uint32_t snapshot_every);

}  // namespace stepcast::bank

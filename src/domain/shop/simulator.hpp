#pragma once
#include <set>

#include "domain/shop/provider.hpp"

namespace stepcast::shop {

/// A payment provider that is made up. What the method of payment says decides what becomes of it:
/// TEST_DECLINE is refused, TEST_TIMEOUT is never answered, TEST_LOST_REPLY is charged but the first answer
/// is lost, TEST_SLOW takes half of the patience, everything else is charged at once. Refunds never fail.
class PaymentSimulator final : public PaymentProvider {
  public:
    aio::awaitable<Answer> charge(Charge charge, Duration patience, aio::Stop& stop) override;
    aio::awaitable<bool> refund(std::string key, Duration patience, aio::Stop& stop) override;

  private:
    // Charges whose first answer was lost; they leave with the second.
    std::set<std::string> lost_;
};

}  // namespace stepcast::shop

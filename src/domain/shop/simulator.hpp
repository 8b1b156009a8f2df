#pragma once
#include <set>
#include <string>

#include "aio/stop.hpp"
#include "aio/types.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace stepcast::shop {

/// A payment provider that is made up: a charge is known by its key, so however often it is asked for it is
/// made once. What the method of payment says decides what becomes of it: TEST_DECLINE is refused,
/// TEST_TIMEOUT is never answered, TEST_LOST_REPLY is charged but the first answer is lost, TEST_SLOW takes
/// half of the patience, everything else is charged at once. On the core strand.
class PaymentSimulator {
  public:
    enum class Answer : std::uint8_t { charged, declined, silence };

    /// Silence after `patience`, or when `stop` is raised.
    aio::awaitable<Answer> charge(std::string key, std::string_view method, Duration patience,
                                  aio::Stop& stop);
    /// What was charged under the key is given back, what comes later is refused.
    void refund(const std::string& key) { lost_.erase(key); }

  private:
    // Charges whose first answer was lost; they leave with the second.
    std::set<std::string> lost_;
};

}  // namespace stepcast::shop

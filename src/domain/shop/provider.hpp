#pragma once
#include <string>

#include "aio/stop.hpp"
#include "aio/types.hpp"
#include "base/time.hpp"

namespace stepcast::shop {

/// Who takes the money. A charge is known by its key: however often it is asked for, it is made once, and one
/// that was given back is not made any more. On the core strand; any number of calls at a time.
class PaymentProvider {
  public:
    enum class Answer : std::uint8_t { charged, declined, silence };
    struct Charge {
        std::string key;
        std::int64_t amount = 0;  ///< whole won
        std::string method;       ///< as the customer says
    };

    virtual ~PaymentProvider() = default;

    /// Silence after `patience`, or when `stop` is raised: nobody knows whether it was made.
    virtual aio::awaitable<Answer> charge(Charge charge, Duration patience, aio::Stop& stop) = 0;
    /// True: what was charged under the key is given back, and what comes later is refused. False after
    /// `patience`, or when `stop` is raised: nobody knows.
    virtual aio::awaitable<bool> refund(std::string key, Duration patience, aio::Stop& stop) = 0;
};

}  // namespace stepcast::shop

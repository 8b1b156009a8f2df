#include "domain/shop/simulator.hpp"

namespace stepcast::shop {

aio::awaitable<PaymentSimulator::Answer> PaymentSimulator::charge(Charge charge, Duration patience,
                                                                  aio::Stop& stop) {
    const auto& [key, amount, method] = charge;
    if (method == "TEST_DECLINE") co_return Answer::declined;
    const bool loses = method == "TEST_LOST_REPLY" && lost_.insert(key).second;
    if (method == "TEST_TIMEOUT" || loses) {
        co_await stop.pause(patience);
        co_return Answer::silence;
    }
    lost_.erase(key);
    if (method != "TEST_SLOW") co_return Answer::charged;
    co_return co_await stop.pause(patience / 2) ? Answer::charged : Answer::silence;
}

aio::awaitable<bool> PaymentSimulator::refund(std::string key, Duration, aio::Stop&) {
    lost_.erase(key);
    co_return true;
}

}  // namespace stepcast::shop

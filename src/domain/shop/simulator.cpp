#include "domain/shop/simulator.hpp"

namespace stepcast::shop {

aio::awaitable<PaymentSimulator::Answer> PaymentSimulator::charge(std::string key, std::string_view method,
                                                                  Duration patience, aio::Stop& stop) {
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

}  // namespace stepcast::shop

#include "aio/backoff.hpp"

#include <algorithm>
#include <random>

#include "base/random.hpp"

namespace stepcast::aio {

namespace {

Backoff::Duration shortened(Backoff::Duration whole) {
    thread_local std::minstd_rand chance{static_cast<std::minstd_rand::result_type>(random_u64())};
    return whole - Backoff::Duration{
                       std::uniform_int_distribution<Backoff::Duration::rep>{0, whole.count() / 2}(chance)};
}

}  // namespace

Backoff::Duration Backoff::next() {
    const auto whole = next_;
    next_ = std::min(2 * whole, most_);
    return shortened(whole);
}

Backoff::Duration Backoff::after(std::uint32_t attempts, Duration first, Duration most) {
    for (; attempts > 1 && first < most; --attempts) first *= 2;
    return shortened(std::min(first, most));
}

}  // namespace stepcast::aio

#include "aio/backoff.hpp"

#include <algorithm>
#include <random>

#include "base/random.hpp"

namespace stepcast::aio {

Backoff::Duration Backoff::next() {
    thread_local std::minstd_rand chance{static_cast<std::minstd_rand::result_type>(random_u64())};
    const auto whole = next_;
    next_ = std::min(2 * whole, most_);
    return whole - Duration{std::uniform_int_distribution<Duration::rep>{0, whole.count() / 2}(chance)};
}

}  // namespace stepcast::aio

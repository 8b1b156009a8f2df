#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "event/event.hpp"
#include "store/store.hpp"

namespace stepcast::webhooks {

/// One thing that a receiver is to be told, with how often that was tried.
struct Delivery {
    std::string task;
    event::Version version = 0;    ///< the task's, by which it came to that
    event::Position position = 0;  ///< of that event: what is owed of a task goes out in this order
    std::string event;             ///< COMPLETED, FAILED or STALLED
    Timestamp at{};                ///< when it came to that
    std::string body{};            ///< the same bytes at each attempt
    std::uint32_t attempts = 0;
    Timestamp due{};  ///< of the next attempt

    /// `task:version:event`, the header webhook-id: the same at each attempt. What is more in the task's id
    /// than letters, digits and `-._~` is percent-encoded: a header holds no other text safely.
    std::string id() const;
};

/// What `happened` to its task by this stored event at `at`: `{"type":…,"timestamp":…,"data":…}`.
Delivery delivery_of(const event::Event& stored, std::string_view happened, Timestamp at);

/// Whom the timers of a webhook concern (store::Timer::kind).
std::string timer_kind(std::string_view webhook);
std::string timer_id(std::string_view webhook, const Delivery& delivery);
/// How a delivery outlives the process. It is due in ten years: when it is tried next stands in its payload,
/// so that nobody else's look at what is due passes over what waits here.
store::Timer timer_of(std::string_view webhook, const Delivery& delivery);
result<Delivery> read_delivery(const store::Timer& timer);

}  // namespace stepcast::webhooks

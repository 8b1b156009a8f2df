#include "bus/bus.hpp"

namespace stepcast::bus {

std::string Record::text() const {
    if (draft != nullptr) return std::string{"{"}.append(draft->body());
    return std::string{value.value_or("")};
}

bool Consumer::refuse(Place, const Error&) {
    return false;
}

awaitable<result<std::optional<Duration>>> MessageBus::retention(std::string) {
    co_return Duration::zero();
}

}  // namespace stepcast::bus

#include "http/stream/admission.hpp"

#include <utility>

namespace stepcast::http {

SseAdmission::Ticket::Ticket(Ticket&& other) noexcept
    : admission_{std::exchange(other.admission_, nullptr)},
      user_{std::move(other.user_)},
      address_{std::move(other.address_)} {}

SseAdmission::Ticket& SseAdmission::Ticket::operator=(Ticket&& other) noexcept {
    std::swap(admission_, other.admission_);
    std::swap(user_, other.user_);
    std::swap(address_, other.address_);
    return *this;
}

SseAdmission::Ticket::~Ticket() {
    if (admission_ == nullptr) return;
    if (!user_.empty()) admission_->leave_user(user_);
    admission_->open_.fetch_sub(1, std::memory_order_relaxed);
}

std::optional<SseAdmission::Ticket> SseAdmission::admit(std::string_view user, const Peer& peer) {
    // Counted first, so that two that race for the last place cannot both have it.
    if (open_.fetch_add(1, std::memory_order_relaxed) >= max_streams_ && max_streams_ > 0) {
        open_.fetch_sub(1, std::memory_order_relaxed);
        return std::nullopt;
    }
    Ticket ticket{*this, {}};
    if (limits_ != nullptr) {
        auto held = limits_->enter(peer, Limited::streams);
        if (!held) return std::nullopt;
        ticket.address_ = std::move(*held);
    }
    if (max_per_user_ == 0 || user.empty()) return ticket;
    if (!enter_user(user)) return std::nullopt;
    ticket.user_ = user;
    return ticket;
}

bool SseAdmission::enter_user(std::string_view user) {
    const std::lock_guard lock{mutex_};
    auto& count = users_.try_emplace(std::string{user}).first->second;
    if (count >= max_per_user_) return false;
    ++count;
    return true;
}

void SseAdmission::leave_user(std::string_view user) {
    const std::lock_guard lock{mutex_};
    const auto found = users_.find(user);
    if (--found->second == 0) users_.erase(found);
}

}  // namespace stepcast::http

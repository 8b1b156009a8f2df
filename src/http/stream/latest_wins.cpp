#include "http/stream/latest_wins.hpp"

#include <asio/post.hpp>
#include <utility>

#include "broadcast/lane.hpp"

namespace stepcast::http {

LatestWins::Claim::Claim(Claim&& other) noexcept
    : owner_{std::exchange(other.owner_, nullptr)}, user_{std::move(other.user_)}, turn_{other.turn_} {}

LatestWins::Claim& LatestWins::Claim::operator=(Claim&& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(user_, other.user_);
    std::swap(turn_, other.turn_);
    return *this;
}

LatestWins::Claim::~Claim() {
    if (owner_ != nullptr) owner_->leave(user_, turn_);
}

LatestWins::Claim LatestWins::claim(std::string_view user, broadcast::Lane& lane,
                                    broadcast::SessionId session) {
    const std::lock_guard lock{mutex_};
    const std::uint64_t turn = ++turns_;
    const Holder holder{&lane, session, turn};
    const auto [found, is_new] = holders_.try_emplace(std::string{user}, holder);
    if (!is_new) {
        const Holder older = std::exchange(found->second, holder);
        asio::post(older.lane->strand(),
                   [older] { older.lane->close(older.session, broadcast::CloseReason::replaced); });
    }
    return Claim{*this, std::string{user}, turn};
}

void LatestWins::leave(const std::string& user, std::uint64_t turn) {
    const std::lock_guard lock{mutex_};
    const auto found = holders_.find(user);
    // A newer session may have taken the place already.
    if (found != holders_.end() && found->second.turn == turn) holders_.erase(found);
}

}  // namespace stepcast::http

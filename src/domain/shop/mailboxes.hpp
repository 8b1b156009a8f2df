#pragma once
#include <deque>
#include <string>
#include <unordered_map>

#include "domain/shop/notification.hpp"
#include "flow/projection.hpp"

namespace stepcast::shop {

/// What a user was told, and how much of it they have read.
struct Mailbox {
    std::deque<event::EventRef> latest{};  ///< the newest notifications, the oldest of them first
    std::deque<event::Version> unread{};   ///< rising
    event::Version read_up_to = 0;         ///< notifications up to this version are read
    event::Version version = 0;            ///< of the stream: the last event, marks counted
    event::Position position = 0;          ///< the same event's
};

/// The mailboxes of all users as this node has applied them. On the core strand.
class Mailboxes final : public flow::Projection {
  public:
    /// So many of the newest are at hand.
    static constexpr std::size_t max_latest = 20;

    std::span<const event::Category* const> categories() const override;
    aio::awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override;
    void expired(const store::ExpiredStream& stream) override;
    std::uint64_t memory() const override;
    void reset() override { boxes_.clear(); }

    /// An empty one for who was told nothing.
    const Mailbox& find(const std::string& user) const;

  private:
    std::unordered_map<std::string, Mailbox> boxes_;
};

/// `{"version":…,"notificationId":…,…,"read":true}`
void append_notification(std::string& out, const event::Event& event, event::Version read_up_to);
/// `{"userId":…,"unread":2,"readUpTo":…,"latest":[…]}`, as a stream tells it first.
std::string encode_mailbox(std::string_view user, const Mailbox& box);

}  // namespace stepcast::shop

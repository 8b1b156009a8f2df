#include "domain/shop/mailboxes.hpp"

#include <algorithm>

namespace stepcast::shop {
namespace {

constexpr std::uint64_t box_bytes = 400;  // without its lists, estimated

// Of an event that cannot be read nothing is marked.
event::Version marked_by(const event::Event& event) {
    const auto mark = from_json<ReadMark>(std::string{"{"}.append(event.body()));
    return mark ? static_cast<event::Version>(mark->up_to) : 0;
}

void take(Mailbox& box, const event::EventRef& event) {
    box.version = event->version();
    box.position = event->position();
    if (static_cast<NotificationEventType>(event->type_index()) == NotificationEventType::notified) {
        box.latest.push_back(event);
        box.unread.push_back(event->version());
        if (box.latest.size() > Mailboxes::max_latest) box.latest.pop_front();
        return;
    }
    box.read_up_to = std::max(box.read_up_to, marked_by(*event));
    while (!box.unread.empty() && box.unread.front() <= box.read_up_to) box.unread.pop_front();
}

}  // namespace

std::span<const event::Category* const> Mailboxes::categories() const {
    static constexpr std::array<const event::Category*, 1> all{&notification_category};
    return all;
}

aio::awaitable<void> Mailboxes::apply(std::span<const event::EventRef> events, event::Position) {
    for (const auto& event : events) take(boxes_[std::string{event->stream_id()}], event);
    co_return;
}

void Mailboxes::expired(const store::ExpiredStream& stream) {
    const auto box = boxes_.find(stream.stream_id);
    if (box != boxes_.end() && box->second.position <= stream.through) boxes_.erase(box);
}

std::uint64_t Mailboxes::memory() const {
    return boxes_.size() * box_bytes;
}

const Mailbox& Mailboxes::find(const std::string& user) const {
    static const Mailbox none;
    const auto box = boxes_.find(user);
    return box == boxes_.end() ? none : box->second;
}

void append_notification(std::string& out, const event::Event& event, event::Version read_up_to) {
    out.append(event.json());
    out.back() = ',';  // in place of the brace that it ended with
    out.append("\"read\":").append(event.version() <= read_up_to ? "true}" : "false}");
}

std::string encode_mailbox(std::string_view user, const Mailbox& box) {
    std::string out;
    domain::Object whole{out};
    whole.text("userId", user).number("unread", box.unread.size()).number("readUpTo", box.read_up_to);
    std::string& list = whole.member("latest") += '[';
    for (const auto& event : box.latest) {
        if (list.back() != '[') list += ',';
        append_notification(list, *event, box.read_up_to);
    }
    list += ']';
    whole.end();
    return out;
}

}  // namespace stepcast::shop

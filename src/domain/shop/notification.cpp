#include "domain/shop/notification.hpp"

namespace stepcast::shop {
namespace {

using NoteType = NotificationEventType;

template <class T>
result<T> read_stored(const event::Event& draft) {
    auto read = from_json<T>(std::string{"{"}.append(draft.body()));
    if (!read) return fail(errc::unreadable, read.error().field, read.error().detail);
    if (read->user_id != draft.stream_id())
        return fail(errc::unreadable, "userId", "is another than that of the stream");
    return read;
}

}  // namespace

event::Draft make_draft(const NotificationEvent& event) {
    const auto json = to_json(event);
    return event::Event::make({.category = &notification_category,
                               .type = static_cast<std::uint8_t>(NoteType::notified),
                               .stream_id = domain::inside(json, event.user_id),
                               .id = domain::inside(json, event.notification_id),
                               .subject = domain::inside(json, event.user_id),
                               .json = json});
}

event::Draft make_draft(const ReadMark& mark, std::string_view event_id) {
    const auto json = to_json(mark);
    return event::Event::make({.category = &notification_category,
                               .type = static_cast<std::uint8_t>(NoteType::read),
                               .stream_id = domain::inside(json, mark.user_id),
                               .id = event_id,
                               .subject = domain::inside(json, mark.user_id),
                               .json = json});
}

result<void> check_stored_notification(const event::Event& draft) {
    if (static_cast<NoteType>(draft.type_index()) == NoteType::read) {
        const auto mark = read_stored<ReadMark>(draft);
        if (!mark) return tl::unexpected{mark.error()};
        return {};
    }
    const auto told = read_stored<NotificationEvent>(draft);
    if (!told) return tl::unexpected{told.error()};
    if (told->notification_id != draft.id())
        return fail(errc::unreadable, "notificationId", "is another than the event's");
    return {};
}

}  // namespace stepcast::shop

#pragma once
#include "domain/shop/messages.hpp"

namespace stepcast::shop {

enum class NotificationEventType : std::uint8_t {
    notified,
    read  ///< the user has read what stands up to a version
};
inline constexpr std::array<std::string_view, 2> notification_type_names{"NOTIFIED", "NOTIFICATIONS_READ"};

/// Streams `notification-USER`. They expire, so that a message which comes again is known by its inbox mark.
/// None of their events says what another did: slow readers miss none.
inline constexpr event::Category notification_category{"notification", "notification",
                                                       notification_type_names, true};

/// That a user has read their notifications up to a version of the stream.
struct ReadMark {
    std::string user_id{};
    std::string type{"READ"};  ///< as notifications have one, which stand in the same stream
    std::int64_t up_to = 0;
    Timestamp timestamp{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("userId", self.user_id, must);
        f("type", self.type, must);
        f("upTo", self.up_to, must);
        f("timestamp", self.timestamp, must);
    }
};

event::Draft make_draft(const NotificationEvent& event);
event::Draft make_draft(const ReadMark& mark, std::string_view event_id);
/// Refuses what is no stored event of a user's notifications.
result<void> check_stored_notification(const event::Event& draft);

}  // namespace stepcast::shop

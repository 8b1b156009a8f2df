#include "domain/webhooks/delivery.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/time.hpp"
#include "client/url.hpp"
#include "domain/webhooks/signature.hpp"
#include "event/json.hpp"

namespace stepcast::webhooks {
namespace {

namespace json = boost::json;

std::int64_t number_of(Timestamp time) {
    return time.time_since_epoch().count();
}

/// Members of a payload; `fine` says whether all were there.
struct Payload {
    json::object object;
    bool fine = true;

    std::string text(std::string_view name) {
        const auto* value = object.if_contains(name);
        const auto* found = value == nullptr ? nullptr : value->if_string();
        fine = fine && found != nullptr;
        return found == nullptr ? std::string{} : std::string{std::string_view{*found}};
    }
    std::int64_t number(std::string_view name) {
        const auto* value = object.if_contains(name);
        const auto* found = value == nullptr ? nullptr : value->if_int64();
        fine = fine && found != nullptr;
        return found == nullptr ? 0 : *found;
    }
};

}  // namespace

std::string Delivery::id() const {
    return fmt::format("{}:{}:{}", client::percent_encode(task), version, event);
}

Delivery delivery_of(const event::Event& stored, std::string_view happened, Timestamp at) {
    return {.task = std::string{stored.stream_id()},
            .version = stored.version(),
            .position = stored.position(),
            .event = std::string{happened},
            .at = at,
            .body = fmt::format(R"({{"type":"{}","timestamp":"{}","data":{}}})", happened, format_rfc3339(at),
                                stored.json()),
            .due = at};
}

std::string timer_kind(std::string_view webhook) {
    return fmt::format("webhook {}", webhook);
}

std::string timer_id(std::string_view webhook, const Delivery& delivery) {
    return fmt::format("webhook {} {}", webhook, delivery.id());
}

store::Timer timer_of(std::string_view webhook, const Delivery& delivery) {
    constexpr Duration far = std::chrono::hours{24 * 3650};
    const json::object payload{{"task", delivery.task},
                               {"version", static_cast<std::int64_t>(delivery.version)},
                               {"position", static_cast<std::int64_t>(delivery.position)},
                               {"event", delivery.event},
                               {"at", number_of(delivery.at)},
                               {"attempts", static_cast<std::int64_t>(delivery.attempts)},
                               {"due", number_of(delivery.due)},
                               {"body", delivery.body}};
    store::Timer timer{timer_id(webhook, delivery), delivery.due + far, timer_kind(webhook), {}};
    event::append_json_value(timer.payload, payload);
    return timer;
}

result<Delivery> read_delivery(const store::Timer& timer) {
    auto parsed = event::parse_json(timer.payload);
    if (!parsed || !parsed->is_object()) return fail(errc::unreadable, {}, timer.id);
    Payload payload{std::move(parsed->get_object())};
    Delivery delivery{.task = payload.text("task"),
                      .version = static_cast<event::Version>(payload.number("version")),
                      .position = static_cast<event::Position>(payload.number("position")),
                      .event = payload.text("event"),
                      .at = Timestamp{Duration{payload.number("at")}},
                      .body = payload.text("body"),
                      .attempts = static_cast<std::uint32_t>(payload.number("attempts")),
                      .due = Timestamp{Duration{payload.number("due")}}};
    if (!payload.fine) return fail(errc::unreadable, {}, timer.id);
    return delivery;
}

}  // namespace stepcast::webhooks

#include <algorithm>
#include <boost/json.hpp>
#include <cassert>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "domain/progress/codec.hpp"
#include "event/canonical_reader.hpp"
#include "event/json.hpp"

namespace stepcast::progress {
namespace {

namespace json = boost::json;

// What make_draft wrote.
bool read_canonical(std::string_view body, ProgressEvent& event) {
    event::CanonicalReader reader{body};
    int percentage = 0;
    event.event_id = reader.text("\"eventId\":");
    event.task_id = reader.text(",\"taskId\":");
    event.user_id = reader.text(",\"userId\":");
    reader.number(",\"currentStep\":", event.current_step);
    reader.number(",\"totalSteps\":", event.total_steps);
    reader.number(",\"percentage\":", percentage);
    event.step_name = reader.text(",\"stepName\":");
    reader.text(",\"eventType\":");
    const auto timestamp = reader.text(",\"timestamp\":");
    if (reader.has(",\"seq\":")) reader.number(",\"seq\":", event.seq);
    if (reader.has(",\"detail\":")) event.detail = reader.up_to(",\"detail\":", "}");
    reader.expect("}");
    if (!reader.at_end()) return false;
    event.percentage = percentage;
    event.timestamp = parse_rfc3339(timestamp);
    return event.timestamp.has_value();
}

std::string checksum(std::string_view text) {
    std::string out;
    append_number(out, stable_hash(text));
    return out;
}

Timestamp from_ms(std::int64_t ms) {
    return Timestamp{Duration{ms}};
}
std::int64_t to_ms(Timestamp t) {
    return t.time_since_epoch().count();
}

}  // namespace

void decode_stored(const event::Event& stored, ProgressEvent& event) {
    event.clear();
    if (!read_canonical(stored.body(), event)) {
        std::string whole = "{";
        whole += stored.body();
        [[maybe_unused]] const auto read = decode(whole, event);
        assert(read);
    }
    event.type = static_cast<EventType>(stored.type_index());
    event.fingerprint = stored.fingerprint();
}

result<void> check_stored(const event::Event& draft) {
    const std::string json = std::string{"{"}.append(draft.body());
    // A line break in it would end the frame that it is sent in.
    if (std::ranges::any_of(json, [](unsigned char c) { return c < 0x20; }))
        return fail(errc::malformed, {}, "must stand on one line");
    ProgressEvent event;
    if (auto read = decode(json, event); !read) return read;
    const auto same = [](std::string_view field, bool agrees) -> result<void> {
        if (agrees) return {};
        return fail(errc::invalid_field, std::string{field}, "is missing or not what is said beside it");
    };
    if (auto fine = same("taskId", event.task_id == draft.stream_id()); !fine) return fine;
    if (auto fine = same("eventId", !event.event_id.empty() && event.event_id == draft.id()); !fine)
        return fine;
    if (auto fine = same("userId", event.user_id == draft.subject()); !fine) return fine;
    if (auto fine = same("eventType", name_of(event.type) == draft.type()); !fine) return fine;
    if (auto fine = same("lifecycle", lifecycle_of(event.type) == draft.lifecycle()); !fine) return fine;
    if (auto fine = same("timestamp", event.timestamp.has_value()); !fine) return fine;
    return same("percentage", event.percentage.has_value());
}

// `CHECKSUM JSON`: the checksum tells a state that was cut or changed at rest.
std::string save_state(const ProgressState& state) {
    const json::object object{{"version", state.version},
                              {"position", state.position},
                              {"status", static_cast<int>(state.status)},
                              {"currentStep", state.current_step},
                              {"totalSteps", state.total_steps},
                              {"percentage", state.percentage},
                              {"stepName", state.step_name},
                              {"detail", state.detail},
                              {"eventId", state.event_id},
                              {"startedAt", to_ms(state.started_at)},
                              {"updatedAt", to_ms(state.updated_at)},
                              {"recordedAt", to_ms(state.recorded_at)},
                              {"measuredAt", to_ms(state.measured_at)},
                              {"rate", state.rate},
                              {"rateWeight", state.rate_weight},
                              {"ratePending", state.rate_pending},
                              {"seq", state.seq},
                              {"outOfOrder", state.out_of_order}};
    const std::string text = json::serialize(object);
    return checksum(text).append(" ").append(text);
}

std::optional<ProgressState> load_state(std::string_view saved) {
    const auto space = saved.find(' ');
    if (space == std::string_view::npos || checksum(saved.substr(space + 1)) != saved.substr(0, space))
        return std::nullopt;
    const auto value = event::parse_json(saved.substr(space + 1));
    if (!value || !value->is_object()) return std::nullopt;
    const json::object& object = value->get_object();
    ProgressState state;
    try {
        state.version = object.at("version").to_number<event::Version>();
        state.position = object.at("position").to_number<event::Position>();
        state.status = static_cast<EventType>(object.at("status").to_number<std::uint8_t>() & 3);
        state.current_step = object.at("currentStep").to_number<std::int64_t>();
        state.total_steps = object.at("totalSteps").to_number<std::int64_t>();
        state.percentage = object.at("percentage").to_number<int>();
        state.step_name = object.at("stepName").as_string();
        state.detail = object.at("detail").as_string();
        state.event_id = object.at("eventId").as_string();
        state.started_at = from_ms(object.at("startedAt").to_number<std::int64_t>());
        state.updated_at = from_ms(object.at("updatedAt").to_number<std::int64_t>());
        state.recorded_at = from_ms(object.at("recordedAt").to_number<std::int64_t>());
        state.rate = object.at("rate").to_number<double>();
        state.rate_pending = object.at("ratePending").to_number<double>();
        // Older ones measured on the worker's clock: what they found is one sample among others.
        const auto* measured = object.if_contains("measuredAt");
        state.measured_at = measured ? from_ms(measured->to_number<std::int64_t>()) : state.recorded_at;
        const auto* weight = object.if_contains("rateWeight");
        if (const auto* seq = object.if_contains("seq")) state.seq = seq->to_number<std::int64_t>();
        if (const auto* order = object.if_contains("outOfOrder")) state.out_of_order = order->as_bool();
        state.rate_weight = weight ? weight->to_number<double>() : state.rate > 0 ? 1 : 0;
    } catch (const std::exception&) {
        return std::nullopt;
    }
    return state;
}

}  // namespace stepcast::progress

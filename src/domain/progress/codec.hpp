#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/progress/model.hpp"

namespace boost::json {
class value;
}

namespace stepcast::progress {

enum class errc {
    malformed = 1,  ///< no JSON, or not an object
    invalid_field,  ///< missing, of the wrong type, too long or out of range; `field` says which
    tombstone,      ///< a record without a value
    not_owner,      ///< the task belongs to another user
    conflict,       ///< the event id is known with another body
};
std::error_code make_error_code(errc e);

inline constexpr std::size_t max_id_characters = 128;
inline constexpr std::size_t max_step_name_characters = 256;
inline constexpr std::size_t max_detail_bytes = 8 * 1024;

/// Refuses an id that is not 1–128 printable characters of valid UTF-8. `field` names it in the error.
result<void> check_id(std::string_view id, std::string_view field);

/// Reads what a producer sent, by itself or as an element of an array, into `event` (whose memory is reused).
/// `null` means absent, unknown members are ignored. Errors name the field.
result<void> decode(std::string_view json, ProgressEvent& event);
result<void> decode(const boost::json::value& json, ProgressEvent& event);

/// Appends exactly what was sent, normalised, and the eventId: what the HTTP door gives to the bus. Filled-in
/// values stay out, so that an honest retry is a duplicate and no conflict (decisions §1.2).
void encode_sent(const ProgressEvent& event, std::string& out);

/// The complete event as it is stored and sent: `{"eventId":…,"timestamp":…,"detail":…}` in this order,
/// always all members but detail. `scratch` is reused memory.
event::Draft make_draft(const ProgressEvent& event, std::string& scratch);

/// Reads an event that `make_draft` made; nothing else. Fast: the order of the members is known.
void decode_stored(const event::Event& stored, ProgressEvent& event);

/// Appends the seeds' ProgressSnapshot with what Stepcast adds. With `last_event`, eventId and eventType too
/// (a recovery).
void append_snapshot(std::string& out, std::string_view task_id, std::string_view user_id,
                     const ProgressState& state, const Outlook& outlook, bool last_event);

/// The state in the store's snapshots, with a checksum. `load_state` gives nothing for what it cannot trust.
inline constexpr std::uint32_t state_schema = 1;
std::string save_state(const ProgressState& state);
std::optional<ProgressState> load_state(std::string_view saved);

}  // namespace stepcast::progress

template <>
struct std::is_error_code_enum<stepcast::progress::errc> : std::true_type {};

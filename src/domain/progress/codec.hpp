#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/progress/model.hpp"
#include "event/json_reader.hpp"

namespace stepcast::progress {

enum class errc {
    malformed = 1,  ///< no JSON, or not an object
    invalid_field,  ///< missing, of the wrong type, too long or out of range; `field` says which
    tombstone,      ///< a record without a value
    not_owner,      ///< the task belongs to another user
    conflict,       ///< the event id is known with another body
    too_old,        ///< met at a rebuild, and dated before anything that is kept
};
std::error_code make_error_code(errc e);

inline constexpr std::size_t max_step_name_characters = 256;
inline constexpr std::size_t max_detail_bytes = 8 * 1024;

/// Refuses an id that is not 1–128 printable characters of valid UTF-8. `field` names it in the error.
result<void> check_id(std::string_view id, std::string_view field);

/// Reads what a producer sent into `event` (whose memory is reused). `null` means absent, unknown members are
/// passed over, of equal names the last counts. Errors name the field. Takes time in proportion to the text,
/// whatever stands in it, and nothing beside the event that grows with it.
result<void> decode(std::string_view text, ProgressEvent& event);
/// The same for an element that a JsonReader gave. `sender` is the user of an event that names none; empty:
/// it must name one.
result<void> decode_element(std::string_view json, ProgressEvent& event, std::string_view sender = {});

/// Reads what a caller sent, one event or a non-empty array of them, in slices. `body` and `sender`, which is
/// as for `decode_element`, must outlive it.
class SentReader {
  public:
    explicit SentReader(std::string_view body, std::string_view sender = {}) : body_{body}, sender_{sender} {}

    /// Reads up to `most` further events into `events`. True while there are more; an error names the element
    /// too: `[3].percentage`.
    result<bool> read(std::size_t most);

    std::vector<ProgressEvent> events;
    bool array = false;

  private:
    result<bool> begin();

    std::string_view body_;
    std::string_view sender_;
    std::optional<event::JsonReader> reader_;
};

/// Appends exactly what was sent, normalised, and the eventId: what the intake gives to the bus. Filled-in
/// values stay out, so that an honest retry is a duplicate and no conflict.
void encode_sent(const ProgressEvent& event, std::string& out);

/// The complete event as it is stored and sent: `{"eventId":…,"timestamp":…,"seq":…,"detail":…}` in this
/// order, always all members but seq and detail. `scratch` is reused memory.
event::Draft make_draft(const ProgressEvent& event, std::string& scratch);

/// What an event of this type says about its task's life.
event::Lifecycle lifecycle_of(EventType type);

/// Reads an event that `make_draft` made; nothing else. Fast: the order of the members is known.
void decode_stored(const event::Event& stored, ProgressEvent& event);

/// Whether its producer sent a percentage, or it was filled in when the event came. Of an event that
/// `decode_stored` read.
bool percentage_was_sent(const ProgressEvent& event);

/// Refuses what is no stored event of this category, wherever it comes from: what neither the intake nor the
/// ingest would take, or with ids, type or life that its JSON does not say.
result<void> check_stored(const event::Event& draft);

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

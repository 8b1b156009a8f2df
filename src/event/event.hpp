#pragma once
#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace stepcast::event {

/// How many events of a stream have been applied; the first event makes version 1.
using Version = std::uint64_t;
/// Place in the whole store: contiguous from 1, given at commit. 0 is "before everything".
using Position = std::uint64_t;

/// What an event says about the life of its stream: drives retention, and protects STARTED, COMPLETED and
/// FAILED from being thinned out of a slow reader's outbox.
enum class Lifecycle : std::uint8_t { neutral, opens, ends };

/// A kind of streams. Categories are constants of their domain and outlive every event.
struct Category {
    std::string_view name;       ///< stream names are `name-id`
    std::string_view sse_event;  ///< the `event:` that carries it to browsers; at most 100 characters
    std::span<const std::string_view> types;  ///< event types; an event stores the index
    bool expires;                             ///< or its streams stay for ever
    /// A newer event of a stream says all that its older neutral ones said: a slow reader may miss those.
    bool coalesces = false;
};

class Event;
/// A committed event, or a control frame: immutable, shared by store, ring and outboxes.
using EventRef = boost::intrusive_ptr<const Event>;
/// An event that no store has numbered yet.
using Draft = boost::intrusive_ptr<Event>;

/// What a draft is made from. `json` is one JSON object without raw line breaks, not empty. The three ids may
/// be views into `json` (they then cost nothing) or stand anywhere else.
struct DraftFields {
    const Category* category = nullptr;
    std::uint8_t type = 0;
    std::uint8_t schema_version = 1;
    Lifecycle lifecycle = Lifecycle::neutral;
    std::uint64_t fingerprint = 0;  ///< stable_hash of what the producer sent: tells a retry from a conflict
    std::string_view stream_id;     ///< the `42` of `progress-42`
    std::string_view id;            ///< unique within its stream
    std::string_view subject;       ///< the user it is about; may be empty
    std::string_view json;
    std::string_view
        metadata{};  ///< as `event::to_json(Metadata)` gives it; empty: none, which costs nothing
};

/// One event in one allocation: header, then the SSE frame
/// `id: EPOCH.POSITION\nevent: NAME\ndata: {"version":V,…}\n\n`, whose head is written in front of the JSON
/// when the store numbers the event. History, ring and every outbox share these bytes; nothing is encoded or
/// copied twice.
///
/// Thread-safe once sealed (counts are atomic). Only the store that numbers a draft writes to it.
class Event {
  public:
    static Draft make(const DraftFields& fields);

    /// A frame with no place in the store (a recovery), told to whoever listens to that stream or subject of
    /// `category`: sent as it is, never thinned out.
    static EventRef control(const Category& category, std::string_view frame, std::string_view stream_id,
                            std::string_view subject);
    /// One for a single client (reset, more, live): of no category, so it must not be published.
    static EventRef control(std::string_view frame);

    /// Numbers the draft and writes its frame's head. The result is the draft itself, or, where the numbers
    /// outgrew the head room, a copy. `epoch`: at most 16 characters; `version`: below 2^32.
    static EventRef seal(const Draft& draft, Version version, Position position, Timestamp recorded_at,
                         std::string_view epoch);

    const Category& category() const { return *category_; }  ///< not of a frame for a single client
    /// Whether both speak of one stream: ids of different categories may be equal.
    bool same_stream(const Event& other) const {
        return category_ == other.category_ && stream_id() == other.stream_id();
    }
    std::string_view stream_id() const { return text(stream_id_); }
    std::string_view id() const { return text(id_); }
    std::string_view subject() const { return text(subject_); }
    /// What goes with the event and is no part of it (see metadata.hpp): one JSON object, empty if there is
    /// none. Never sent to browsers.
    std::string_view metadata() const;
    std::string_view type() const { return category_->types[type_]; }
    std::uint8_t type_index() const { return type_; }
    std::uint8_t schema_version() const { return schema_version_; }
    Lifecycle lifecycle() const { return lifecycle_; }
    std::uint64_t fingerprint() const { return fingerprint_; }
    Version version() const { return version_; }
    Position position() const { return position_; }  ///< 0 for a control frame or a draft
    Timestamp recorded_at() const { return Timestamp{Duration{recorded_at_ms_}}; }
    bool is_control() const { return control_; }

    /// The whole frame, ready to send.
    std::string_view frame() const { return {bytes() + frame_at_, frame_end() - frame_at_}; }
    /// The frame without its id line, for V1 clients.
    std::string_view frame_without_id() const;
    /// The event as clients see it: `{"version":7,…}`. Only of a sealed event.
    std::string_view json() const { return {bytes() + json_at_, frame_end() - 2 - json_at_}; }
    /// The JSON that was stored, without version, less its opening brace: `"eventId":…}`.
    std::string_view body() const { return {bytes() + body_at_, frame_end() - 2 - body_at_}; }

    /// Bytes that this event holds, header included.
    std::size_t memory() const { return sizeof(Event) + frame_end() + outside_; }

  private:
    struct Slice {
        std::uint16_t at;
        std::uint16_t size;
    };

    Event() = default;
    static Event* allocate(std::size_t size);
    static EventRef make_control(const Category* category, std::string_view frame, std::string_view stream_id,
                                 std::string_view subject);
    static Draft make_with_room(const DraftFields& fields, std::string_view body, std::size_t head_room);
    void write_head(std::string_view epoch, std::size_t size);
    Slice place(std::string_view id, std::string_view body, std::size_t& tail);
    char* bytes() { return reinterpret_cast<char*>(this + 1); }
    const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
    std::string_view text(Slice s) const { return {bytes() + body_at_ + s.at, s.size}; }

    friend void intrusive_ptr_add_ref(const Event* event);
    friend void intrusive_ptr_release(const Event* event);

    std::size_t frame_end() const { return std::size_t{body_at_} + body_end_; }

    // One cache line. A million of these are held, so every field is as narrow as its bound allows.
    mutable std::atomic<std::uint32_t> references_{0};
    std::uint16_t body_end_ = 0;  // behind the frame's blank line, counted from body_at_
    std::uint16_t outside_ = 0;   // bytes behind the frame: ids that are not in the JSON, then metadata
    const Category* category_ = nullptr;
    std::uint64_t fingerprint_ = 0;
    Position position_ = 0;
    std::int64_t recorded_at_ms_ = 0;
    std::uint32_t version_ = 0;
    Slice stream_id_{};
    Slice id_{};
    Slice subject_{};
    std::uint8_t frame_at_ = 0;
    std::uint8_t json_at_ = 0;
    std::uint8_t body_at_ = 0;
    std::uint8_t type_ = 0;
    std::uint8_t schema_version_ = 1;
    Lifecycle lifecycle_ = Lifecycle::neutral;
    bool control_ = false;
    bool has_metadata_ = false;  // its size stands in the last two bytes
};

static_assert(sizeof(Event) == 64);

inline void intrusive_ptr_add_ref(const Event* event) {
    event->references_.fetch_add(1, std::memory_order_relaxed);
}
void intrusive_ptr_release(const Event* event);

}  // namespace stepcast::event

#include "event/event.hpp"

#include <cassert>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

namespace stepcast::event {
namespace {

// The head's fixed text, an epoch of 8 and 16 digits for position and version together: positions up to 10^10
// with versions up to 10^6. Beyond that `seal` copies the event into a roomier one.
constexpr std::size_t fixed_head = std::string_view{"id: .\nevent: \ndata: {\"version\":,"}.size();
constexpr std::size_t usual_digits = 16;
constexpr std::size_t usual_epoch = 8;
constexpr std::size_t most_digits = 40;
constexpr std::size_t most_epoch = 16;
constexpr std::size_t most_name = 100;
static_assert(fixed_head + most_epoch + most_digits + most_name <= UINT8_MAX);

std::size_t digits(std::uint64_t n) {
    std::size_t count = 1;
    for (; n >= 10; n /= 10) ++count;
    return count;
}

char* put(char* out, std::string_view text) {
    if (!text.empty())
        std::memcpy(out, text.data(), text.size());  // memcpy takes no null, not even for nothing
    return out + text.size();
}

char* put(char* out, std::uint64_t number) {
    return std::to_chars(out, out + 20, number).ptr;
}

}  // namespace

Event* Event::allocate(std::size_t size) {
    void* memory = std::malloc(sizeof(Event) + size);
    if (memory == nullptr) throw std::bad_alloc{};
    return new (memory) Event;
}

void intrusive_ptr_release(const Event* event) {
    // Not a release with a fence behind it: ThreadSanitizer does not know fences.
    if (event->references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    event->~Event();
    std::free(const_cast<Event*>(event));
}

// Slices are relative to the body, so that they stand when `seal` copies it behind a larger head room. An id
// that is a view into the body costs nothing; any other is copied behind the frame.
Event::Slice Event::place(std::string_view id, std::string_view body, std::size_t& tail) {
    if (id.data() >= body.data() && id.data() + id.size() <= body.data() + body.size() && !id.empty())
        return {static_cast<std::uint16_t>(id.data() - body.data()), static_cast<std::uint16_t>(id.size())};
    const Slice slice{static_cast<std::uint16_t>(tail - body_at_), static_cast<std::uint16_t>(id.size())};
    put(bytes() + tail, id);
    tail += id.size();
    return slice;
}

Draft Event::make_with_room(const DraftFields& fields, std::string_view body, std::size_t head_room) {
    const std::size_t ids = fields.stream_id.size() + fields.id.size() + fields.subject.size();
    const std::size_t metadata = fields.metadata.empty() ? 0 : fields.metadata.size() + sizeof(std::uint16_t);
    if (body.size() + 2 + ids + metadata > UINT16_MAX) throw std::length_error{"event: larger than 64 KiB"};
    assert(fields.category->sse_event.size() <= most_name);
    std::size_t outside = 0;
    for (const auto id : {fields.stream_id, fields.id, fields.subject})
        if (id.data() < body.data() || id.data() + id.size() > body.data() + body.size())
            outside += id.size();
    outside += metadata;

    Draft event{allocate(head_room + body.size() + 2 + outside)};
    event->category_ = fields.category;
    event->type_ = fields.type;
    event->schema_version_ = fields.schema_version;
    event->lifecycle_ = fields.lifecycle;
    event->fingerprint_ = fields.fingerprint;
    event->body_at_ = static_cast<std::uint8_t>(head_room);
    put(put(event->bytes() + head_room, body), "\n\n");
    event->body_end_ = static_cast<std::uint16_t>(body.size() + 2);
    event->outside_ = static_cast<std::uint16_t>(outside);
    std::size_t tail = event->frame_end();
    event->stream_id_ = event->place(fields.stream_id, body, tail);
    event->id_ = event->place(fields.id, body, tail);
    event->subject_ = event->place(fields.subject, body, tail);
    if (metadata != 0) {
        const auto size = static_cast<std::uint16_t>(fields.metadata.size());
        std::memcpy(put(event->bytes() + tail, fields.metadata), &size, sizeof size);
        event->has_metadata_ = true;
    }
    return event;
}

std::string_view Event::metadata() const {
    if (!has_metadata_) return {};
    std::uint16_t size = 0;
    const char* end = bytes() + frame_end() + outside_ - sizeof size;
    std::memcpy(&size, end, sizeof size);
    return {end - size, size};
}

Draft Event::make(const DraftFields& fields) {
    assert(fields.json.size() > 2 && fields.json.front() == '{');
    const std::size_t room = fixed_head + usual_epoch + usual_digits + fields.category->sse_event.size();
    return make_with_room(fields, fields.json.substr(1), room);
}

EventRef Event::control(std::string_view frame) {
    return make_control(nullptr, frame, {}, {});
}

EventRef Event::control(const Category& category, std::string_view frame, std::string_view stream_id,
                        std::string_view subject) {
    return make_control(&category, frame, stream_id, subject);
}

EventRef Event::make_control(const Category* category, std::string_view frame, std::string_view stream_id,
                             std::string_view subject) {
    const std::size_t size = frame.size() + stream_id.size() + subject.size();
    if (size > UINT16_MAX) throw std::length_error{"control frame: larger than 64 KiB"};
    Draft event{allocate(size)};
    put(event->bytes(), frame);
    event->category_ = category;
    event->control_ = true;
    event->body_end_ = static_cast<std::uint16_t>(frame.size());
    event->outside_ = static_cast<std::uint16_t>(stream_id.size() + subject.size());
    std::size_t tail = frame.size();
    event->stream_id_ = event->place(stream_id, {}, tail);
    event->subject_ = event->place(subject, {}, tail);
    return event;
}

void Event::write_head(std::string_view epoch, std::size_t size) {
    frame_at_ = static_cast<std::uint8_t>(body_at_ - size);
    char* out = bytes() + frame_at_;
    out = put(put(put(out, "id: "), epoch), ".");
    out = put(put(put(out, position_), "\nevent: "), category_->sse_event);
    out = put(out, "\ndata: ");
    json_at_ = static_cast<std::uint8_t>(out - bytes());
    out = put(put(out, "{\"version\":"), std::uint64_t{version_});
    put(out, ",");
}

EventRef Event::seal(const Draft& draft, Version version, Position position, Timestamp recorded_at,
                     std::string_view epoch) {
    assert(draft->position_ == 0 && epoch.size() <= most_epoch && version <= UINT32_MAX);
    Draft event = draft;
    const std::size_t head =
        fixed_head + epoch.size() + digits(position) + digits(version) + draft->category_->sse_event.size();
    if (head > draft->body_at_) {
        event = make_with_room({draft->category_,
                                draft->type_,
                                draft->schema_version_,
                                draft->lifecycle_,
                                draft->fingerprint_,
                                draft->stream_id(),
                                draft->id(),
                                draft->subject(),
                                {},
                                draft->metadata()},
                               draft->body(),
                               fixed_head + most_epoch + most_digits + draft->category_->sse_event.size());
    }
    event->version_ = static_cast<std::uint32_t>(version);
    event->position_ = position;
    event->recorded_at_ms_ = recorded_at.time_since_epoch().count();
    event->write_head(epoch, head);
    return event;
}

std::string_view Event::frame_without_id() const {
    const std::string_view all = frame();
    return position_ == 0 ? all : all.substr(all.find('\n') + 1);
}

}  // namespace stepcast::event

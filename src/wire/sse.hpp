#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stepcast::wire {

/// Appends a comment, which clients ignore: a heartbeat. A line break in `text` begins another comment line.
/// No blank line, because some clients take a block without data for an event.
void append_sse_comment(std::string& out, std::string_view text);

/// Appends `retry:`, the client's delay before it connects again.
void append_sse_retry(std::string& out, std::chrono::milliseconds delay);

/// What one event carries. Empty `event` and `id` are left out; CR, LF and NUL are dropped from both, as they
/// would end the line or make clients ignore the id. `data` is split at CR, LF and CRLF and so arrives with
/// LF between its lines.
struct SseFrame {
    std::string_view event{};
    std::string_view id{};
    std::string_view data{};
};
void append_sse_event(std::string& out, const SseFrame& frame);

/// One event as a browser's EventSource would dispatch it. Views into the parser, valid until it is called
/// again.
struct SseEvent {
    std::string_view type;  ///< "message" if the stream named none
    std::string_view data;
    std::string_view last_event_id;
};

/// The client's side of an event stream (WHATWG HTML §9.2.6), fed bytes cut anywhere; the same events for
/// every cut. Bytes are passed on as they are: a browser would replace what is not UTF-8.
class SseParser {
  public:
    /// `max_event`: bound of one event's bytes, its unfinished line included.
    explicit SseParser(std::size_t max_event = 1024 * 1024) : max_event_{max_event} {}

    /// Takes bytes from the front of `bytes` until an event is complete, which it returns, or none are left:
    /// `while (auto event = parser.next(bytes)) …`. After an overflow it drops everything.
    std::optional<SseEvent> next(std::string_view& bytes);

    /// The stream had an event beyond the bound and cannot be read on.
    bool overflowed() const { return overflowed_; }
    /// What `Last-Event-ID` says at the next connect.
    const std::string& last_event_id() const { return last_event_id_; }
    void set_last_event_id(std::string_view id) { last_event_id_ = pending_id_ = id; }
    /// The latest `retry:` of the stream.
    std::optional<std::chrono::milliseconds> retry() const { return retry_; }

    /// Begins a new stream: the unfinished event is lost, last event id and retry stay, as in browsers.
    void reset();

  private:
    void skip_bom(std::string_view& bytes);
    std::optional<SseEvent> take_line(std::string_view line);
    void take_field(std::string_view name, std::string_view value);
    std::optional<SseEvent> dispatch();
    void check_bound(std::size_t more);

    std::size_t max_event_;
    std::string line_;  ///< the part of a line that was cut off
    std::string data_;
    std::string type_;
    std::string pending_id_;  ///< becomes `last_event_id_` when its event is complete
    std::string last_event_id_;
    std::string sent_data_;  ///< what the last event's views point into
    std::string sent_type_;
    std::optional<std::chrono::milliseconds> retry_;
    std::size_t bom_bytes_ = 0;  ///< of the byte order mark seen so far
    bool at_start_ = true;
    bool skip_lf_ = false;  ///< a CR ended the last line: an LF now belongs to it
    bool overflowed_ = false;
};

}  // namespace stepcast::wire

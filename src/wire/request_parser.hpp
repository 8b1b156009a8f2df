#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/request.hpp"

namespace stepcast::wire {

/// HTTP/1.x request parser (RFC 9110, RFC 9112) that knows no socket. It is fed bytes cut anywhere and gives
/// the same request or the same refusal for every cut. Lines end with CRLF; a bare CR or LF, folded lines,
/// both or doubled lengths and every other doubt about where a request ends are refused, because two readers
/// could see two different requests.
class RequestParser {
  public:
    enum class State : std::uint8_t { head, body, done, failed };

    explicit RequestParser(const Limits& limits) : limits_{&limits} {}  ///< `limits` outlives the parser
    explicit RequestParser(const Limits&&) = delete;  ///< a temporary would be gone at the first byte

    /// Takes bytes up to the end of this request and returns how many. Once done or failed it takes none.
    std::size_t feed(std::string_view bytes);

    State state() const { return state_; }
    /// Whether any byte of the request has come; the empty line that may stand before it is none.
    bool started() const;
    /// Bytes of this request that were taken. What it holds is a few times as much at most: no length that is
    /// only announced reserves anything.
    std::size_t bytes() const { return bytes_; }
    /// The head is read, the body is not, and the client waits for "100 Continue" before it sends the body.
    bool wants_continue() const { return state_ == State::body && expects_continue_ && !body_started_; }

    /// Whole when done; may then be moved from. Before, and after a refusal: what was understood of the head
    /// so far, which is all of it once the body begins.
    RequestMessage& message() { return message_; }
    /// Valid when failed.
    const Refusal& refusal() const { return refusal_; }

    /// Ready for the next request on the connection.
    void reset();

  private:
    enum class Step : std::uint8_t {
        request_line,
        field,
        fixed_body,
        chunk_size,
        chunk_data,
        chunk_end,
        trailer
    };

    std::size_t feed_line(std::string_view bytes);
    std::size_t feed_body(std::string_view bytes);
    std::size_t line_limit() const;
    bool refuse_long_line();
    bool take_line(std::string_view line);
    bool take_request_line(std::string_view line);
    bool take_field(std::string_view line);
    bool take_chunk_size(std::string_view line);
    bool finish_head();
    bool check_host();
    bool check_connection();
    bool check_expect();
    bool check_framing();
    bool take_content_length(std::string_view text);
    bool refuse(int status, std::string_view code, std::string_view detail);
    bool malformed(std::string_view detail) { return refuse(400, "malformed-request", detail); }

    const Limits* limits_;
    RequestMessage message_;
    Refusal refusal_;
    std::string line_;  ///< the part of a line that was cut off; empty while lines come whole
    std::size_t bytes_ = 0;
    std::uint64_t body_left_ = 0;    ///< of the fixed body or of the current chunk
    std::size_t section_bytes_ = 0;  ///< of the header or trailer section so far
    std::size_t section_fields_ = 0;
    std::size_t extension_bytes_ = 0;  ///< of all chunk extensions, or they would be a way around every limit
    State state_ = State::head;
    Step step_ = Step::request_line;
    bool body_started_ = false;
    bool expects_continue_ = false;
    bool blank_line_seen_ = false;
};

}  // namespace stepcast::wire

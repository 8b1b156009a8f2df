#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace stepcast::client {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Status line and header section of a response. Names are in lower case, values trimmed.
struct ResponseHead {
    int status = 0;
    Headers headers;

    std::optional<std::string_view> header(std::string_view name) const;
};

/// Reads one HTTP/1.1 response after another, knowing no socket (RFC 9112). 1xx responses are skipped.
///
/// Feed it with `resume` until it says `need_more`, then read more bytes; tell it by `finish` that the peer
/// has closed.
class ResponseParser {
  public:
    enum class Step : std::uint8_t {
        need_more,  ///< all input is used up
        head,       ///< `head()` is complete
        body,       ///< `body()` is the next piece of it
        end,        ///< the response is complete; the input that is left belongs to the next one
        error       ///< `error()` says why; the parser is of no more use
    };

    /// Takes what it understands off the front of `input`. `body()` is a view into `input`'s bytes.
    Step resume(std::string_view& input);

    /// The peer has closed: `end` if the response was delimited by that, `need_more` between two responses,
    /// else `error`.
    Step finish();

    /// Starts over with the next response. `to_head_request`: it will have no body whatever its headers say.
    void next(bool to_head_request = false);

    const ResponseHead& head() const { return head_; }
    std::string_view body() const { return body_; }
    const Error& error() const { return error_; }
    /// Whether the connection can carry another request. Only after `end`.
    bool keep_alive() const { return keep_alive_; }
    /// Gives the head's memory back: for streams that stay open for hours.
    void forget_head() { head_.headers = {}; }

    /// Longest header section that is accepted.
    static constexpr std::size_t max_head = 64 * 1024;

  private:
    enum class State : std::uint8_t {
        head,
        body,
        until_close,
        chunk_size,
        chunk,
        chunk_end,
        trailer,
        done,
        failed
    };

    Step refuse(std::string detail);
    Step read_head(std::string_view& input);
    bool parse_head(std::string_view text);
    Step choose_framing();
    Step read_counted(std::string_view& input, State then);
    Step read_chunk_line(std::string_view& input);
    Step finish_response();
    bool take_line(std::string_view& input, std::string& line, bool& too_long);

    ResponseHead head_;
    Error error_;
    std::string buffer_;  // a head or a line that came in pieces
    std::string_view body_;
    std::uint64_t left_ = 0;
    State state_ = State::head;
    bool keep_alive_ = true;
    bool to_head_request_ = false;
    bool http_1_0_ = false;
};

}  // namespace stepcast::client

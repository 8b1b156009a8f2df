#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "event/metadata.hpp"
#include "flow/feed_hub.hpp"
#include "flow/kept_answers.hpp"
#include "http/message.hpp"

namespace stepcast::domain {

// What the calls of every module that commits have in common.

/// What a call answers that changed something. Kept as it is for who sends the call again.
struct Answer {
    int status = 200;
    std::string body;
    std::string location{};
    event::Version version = 0;  ///< of the stream that it wrote to; 0: none
};
/// As a text that `read_answer` reads.
std::string to_text(const Answer& answer);
std::optional<Answer> read_answer(std::string_view text);

/// An answer with the place of its commit.
struct Written {
    Answer answer;
    event::Position position = 0;
    bool replayed = false;  ///< the call had been carried out before
};
/// With `Stepcast-Position`, the ETag, and `Idempotency-Replayed` where it holds.
http::Response answer_for(Written written);

/// The `Idempotency-Key` of a call, for its caller and its route; nothing without one. `route` is a pattern.
/// Or the 400 that says what is wrong with it.
result<std::optional<flow::KeyedCall>, http::Response> keyed_call(const http::Request& request,
                                                                  std::string_view route);

/// The version that `If-Match: "v7"` names; nothing without it, and for `*`. Or the 400.
result<std::optional<event::Version>, http::Response> expected_version(const http::Request& request);

/// 412, with what was expected and what is.
http::Response wrong_version(event::Version expected, event::Version actual);

/// Waits for `?wait=N`, if that is given: until what was committed at position N can be read. The refusal if
/// that takes too long (504) or is no number.
aio::awaitable<std::optional<http::Response>> wait_for(flow::FeedHub& hub, const aio::Strand& core,
                                                       const http::Request& request);

/// What goes with all that a request causes: its caller, its trace one hop on, and a correlation of its own,
/// unless what it makes gives one.
event::Metadata cause_of(const http::Request& request, std::string correlation_id = {});

}  // namespace stepcast::domain

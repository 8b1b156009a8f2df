#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include "client/connection.hpp"
#include "client/response_parser.hpp"
#include "wire/sse.hpp"

namespace stepcast::client {

/// One event as a browser would dispatch it.
struct Message {
    std::string type;
    std::string data;
    std::string last_event_id;
};

struct SourceOptions {
    std::string last_event_id{};  ///< where to begin; empty: wherever the server does
    Headers headers{};            ///< sent with every connect, without line breaks
    std::chrono::milliseconds retry{
        3000};  ///< before a reconnect, until the stream's `retry:` says otherwise
    std::chrono::milliseconds retry_max{30000};  ///< the wait doubles up to this while connects fail
    std::chrono::milliseconds connect_limit{5000};
    /// A stream that says nothing for so long, not even a comment, is taken for dead and opened again.
    std::chrono::milliseconds silence_limit{60000};
    Trust trust{};  ///< for https
    /// 502, 503 and 504, which proxies answer while a server is away, are a failed connect. A browser would
    /// give up for good.
    bool outlives_gateways = false;
};

/// Follows an event stream as a browser's EventSource does (WHATWG HTML §9.2): a lost connection is opened
/// again with Last-Event-ID after `retry:`, a 204 ends it in peace, any other status or content type ends it
/// for good. So does, unlike in a browser, a server that the very first connect finds `insecure`.
///
/// All calls on one strand. `next` is called by one coroutine at a time; `stop` may come in between.
class EventSource {
  public:
    enum class State : std::uint8_t { connecting, open, waiting, ended };
    /// `why`: what the last connection ended with; empty where nothing went wrong.
    using OnState = std::function<void(State state, std::string_view why)>;

    EventSource(const asio::any_io_executor& strand, Url url, SourceOptions options = {});

    /// Called at every change: for a display of the connection's state.
    void on_state(OnState call) { on_state_ = std::move(call); }

    /// The next event, waiting as long as it takes. Empty when the stream has ended (204, `stop`); an error
    /// when the server refused it. After either, always the same.
    aio::awaitable<result<std::optional<Message>>> next();

    /// Ends the stream from our side.
    void stop();

    State state() const { return state_; }
    /// What the next connect would send.
    const std::string& last_event_id() const { return sse_.last_event_id(); }

  private:
    aio::awaitable<void> open();
    aio::awaitable<void> read_more();
    void judge_head();
    aio::awaitable<void> wait_before_retry();
    void enter(State state, std::string_view why = {});
    void lose(std::string_view why);
    void end_with(Error error);
    std::chrono::milliseconds next_delay();

    Url url_;
    SourceOptions options_;
    Connection connection_;
    asio::steady_timer timer_;
    ResponseParser http_;
    wire::SseParser sse_;
    std::string_view input_;  // of the connection's buffer: not yet taken by http_
    std::string_view body_;   // of input_'s bytes: not yet taken by sse_
    std::optional<Error> error_;
    OnState on_state_;
    std::minstd_rand random_;
    std::uint32_t failures_ = 0;  // connects in a row that gave no event stream
    State state_ = State::waiting;
    bool stopped_ = false;
    bool first_ = true;
    bool was_open_ = false;
};

}  // namespace stepcast::client

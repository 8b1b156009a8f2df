#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/answer_writer.hpp"
#include "http/client_share.hpp"
#include "http/connection_phase.hpp"
#include "http/message.hpp"
#include "wire/request_parser.hpp"
#include "wire/response.hpp"

namespace stepcast::http {

/// One client on its lane's strand: reads a request, has it answered, writes the answer, and again. Lives in
/// the frame of its coroutine; has no timer and no read buffer of its own.
class Connection {
  public:
    Connection(aio::Transport transport, LaneConnections& lane);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    awaitable<void> run();
    /// Answers 503 whatever is asked, or what makes a stream's client come back later, and ends.
    awaitable<void> refuse_overload();
    /// There is something to read.
    bool has_input() const;

    /// The time limit of the phase is over: wakes the coroutine, which sees what to say.
    void expire();
    /// Ends it where it stands.
    void cut();

  private:
    enum class Outcome : std::uint8_t { request, refused, over };

    struct Way {
        const Handler* handler = nullptr;
        RequestStats* stats = nullptr;
    };

    bool must_open() const;
    awaitable<bool> open(Phase phase);
    awaitable<bool> hear_proxy(Phase phase);
    awaitable<bool> secure(Phase phase);
    bool hold_place();
    awaitable<void> turn_away(Response response);
    awaitable<Outcome> read_request();
    Phase reading_phase() const;
    bool ends_turn();
    void begin_turn();
    bool feed_received();
    void feed_pending();
    bool send_continue();

    Request take_request(wire::RequestMessage message) const;
    awaitable<bool> answer();
    Way way_of(Request& request, bool room, Response& response);
    void hold(Response& response, Method method);
    std::unique_ptr<Response> refusal_of_head();
    void tell(const Request& request, const RequestStats& stats, int status, double seconds) const;
    static void finish(Response& response, Request& request);
    bool hold_received();
    awaitable<void> refuse(Response response);
    awaitable<void> refuse_by(Response (*make)());
    awaitable<void> end_refused(std::unique_ptr<Response> refusal);
    awaitable<void> end_with(Response response);
    awaitable<void> linger();
    void wake();

    LaneConnections& lane_;
    aio::Transport transport_;
    wire::RequestParser parser_;
    std::string pending_;            ///< read, but of later requests
    std::size_t pending_taken_ = 0;  ///< of `pending_`
    std::size_t turn_ = 0;           ///< requests answered since others on the lane had their turn
    std::chrono::steady_clock::time_point turn_began_;
    Budget::Hold received_;
    ConnectionPhase phase_;
    ClientShare share_;
    AnswerWriter writer_;
    Peer peer_;
    aio::Notice* turn_notice_ = nullptr;  ///< of the turn that a handshake waits for
    bool http_1_0_ = false;               ///< of the request that is being answered
    bool continue_sent_ = false;
    bool head_judged_ = false;  // of a request whose body is awaited
};

}  // namespace stepcast::http

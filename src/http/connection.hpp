#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client_limits.hpp"
#include "http/lane_connections.hpp"
#include "http/message.hpp"
#include "wire/request_parser.hpp"
#include "wire/response.hpp"

namespace stepcast::http {

/// What a connection may hold beside the budgets, so that small requests and answers never touch them.
inline constexpr std::size_t uncounted_bytes = 4 * 1024;

/// 429 for who has as many connections as limits.* allow. `whose`: "address" or "user".
Response too_many_connections(std::string_view whose);

/// One client on its lane's strand: reads a request, has it answered, writes the answer, and again. Lives in
/// the frame of its coroutine; has no timer and no read buffer of its own.
class Connection {
  public:
    Connection(aio::Transport transport, LaneConnections& lane);
    ~Connection();
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

    /// How far an answer came at once. The rest is `send_rest`'s, before anything else is done.
    struct Sent {
        bool whole = false;
        bool chunked = false;
        ssize_t bytes = 0;  ///< of head and body; below 0: the client is gone
    };

    bool must_open() const;
    awaitable<bool> open(Phase phase);
    awaitable<bool> hear_proxy(Phase phase);
    awaitable<bool> secure(Phase phase);
    bool hold_place();
    bool hold_user();
    awaitable<void> turn_away(Response response);
    std::optional<Response> hold_to_limits(const Request& request, const RouteInfo* info);
    void charge(Limited what, std::size_t cost);
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
    Sent send(Response& response, bool head_only, wire::Persistence persistence);
    awaitable<bool> send_rest(Response response, Sent sent);
    awaitable<bool> write_rest(std::string head, std::string body, std::size_t sent);
    awaitable<bool> write_list(std::string head, bool chunked, ListSource& list);
    awaitable<bool> writable();
    bool hold_received();
    awaitable<void> refuse(Response response);
    awaitable<void> refuse_by(Response (*make)());
    awaitable<void> end_refused(std::unique_ptr<Response> refusal);
    awaitable<void> end_with(Response response);
    awaitable<void> linger();

    void enter(Phase phase);

    LaneConnections& lane_;
    aio::Transport transport_;
    wire::RequestParser parser_;
    std::string pending_;            ///< read, but of later requests
    std::size_t pending_taken_ = 0;  ///< of `pending_`
    std::size_t turn_ = 0;           ///< requests answered since others on the lane had their turn
    std::chrono::steady_clock::time_point turn_began_;
    Budget::Hold received_;
    Budget::Hold unsent_;
    LaneConnections::Place place_;
    Peer peer_;
    std::optional<ClientLimits::Hold> counted_;  ///< its place among those of its address
    std::optional<ClientLimits::Hold> of_user_;  ///< its place among those of `user_`
    std::uint64_t user_ = 0;                     ///< who last proved its name on it; 0: nobody
    ClientLimits::Payer payer_;                  ///< of the request that is being answered
    aio::Notice* turn_notice_ = nullptr;         ///< of the turn that a handshake waits for
    Phase phase_ = Phase::answering;
    bool http_1_0_ = false;  ///< of the request that is being answered
    bool expired_ = false;
    bool cut_ = false;
    bool continue_sent_ = false;
    bool head_judged_ = false;  // of a request whose body is awaited
};

}  // namespace stepcast::http

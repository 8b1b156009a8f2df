#pragma once
#include <string>
#include <string_view>

#include "http/client_share.hpp"
#include "http/connection_phase.hpp"
#include "wire/response.hpp"

namespace stepcast::http {

/// What a connection may hold beside the budgets, so that small requests and answers never touch them.
inline constexpr std::size_t uncounted_bytes = 4 * 1024;

/// The way out of one connection: answers that fit its socket, and lists that are read as they are taken. On
/// the strand of its lane.
class AnswerWriter {
  public:
    /// How far an answer came at once. The rest is `send_rest`'s, before anything else is done.
    struct Sent {
        bool whole = false;
        bool chunked = false;
        ssize_t bytes = 0;  ///< of head and body; below 0: the client is gone
    };

    /// All outlive this.
    AnswerWriter(LaneConnections& lane, aio::Transport& transport, ConnectionPhase& phase, ClientShare& share)
        : lane_{lane}, transport_{transport}, phase_{phase}, share_{share}, unsent_{lane.budgets().unsent} {}

    /// Counts what waits for the client. False, and nothing changes, if all may not hold so much together.
    bool hold(std::size_t bytes) { return unsent_.resize(bytes); }

    /// Writes the head and sends it with the body in one gathered write, as far as the socket takes them. No
    /// coroutine, because that is nearly always all. A list follows its head by `send_rest`.
    Sent send(Response& response, bool head_only, bool http_1_0, wire::Persistence persistence);
    /// What `send` left of an answer; `beside`: bytes that the connection holds besides. False if the client
    /// is gone or takes nothing any more.
    awaitable<bool> send_rest(Response response, Sent sent, std::size_t beside);

  private:
    awaitable<bool> write_rest(std::string head, std::string body, std::size_t sent, std::size_t beside);
    awaitable<bool> write_list(std::string head, bool chunked, ListSource& list);
    awaitable<bool> writable();

    LaneConnections& lane_;
    aio::Transport& transport_;
    ConnectionPhase& phase_;
    ClientShare& share_;
    Budget::Hold unsent_;
};

}  // namespace stepcast::http

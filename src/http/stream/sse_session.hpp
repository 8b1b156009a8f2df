#pragma once
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "broadcast/catch_up.hpp"
#include "broadcast/lane.hpp"
#include "http/message.hpp"
#include "http/stream/admission.hpp"
#include "http/stream/latest_wins.hpp"

namespace stepcast::http {

/// Values of `[sse]` that a stream needs. Outlives every stream.
struct SseOptions {
    broadcast::SessionLimits limits;
    std::chrono::milliseconds retry{2000};         ///< clients are told between 3/4 and 5/4 of it
    const Clock* clock = &system_clock();          ///< by which what proves a client's name expires
    std::chrono::milliseconds drain_spread{3000};  ///< added at random to `retry` when the server stops
};

/// What a stream is made from.
struct SseStart {
    broadcast::SessionKind kind = broadcast::SessionKind::user;
    broadcast::Topic topic;
    std::unique_ptr<broadcast::StreamSource> source;  ///< null for v1, which has no past
    const SseOptions* options = nullptr;
    bool beat =
        false;  ///< from `live` on its heartbeat is an event; `sse_response` reads both from the request
    bool chunked = false;
    SseAdmission::Ticket ticket;
    /// Then `event: bye` says `auth`, and the stream ends; `sse_response` reads it from the request.
    std::chrono::steady_clock::time_point expires = std::chrono::steady_clock::time_point::max();
    auth::Revoked revoked{};            ///< likewise, from when on it is true
    LatestWins* latest_wins = nullptr;  ///< closes the older stream of `topic.key`; null: any number

    broadcast::Encoding encoding() const {
        using Form = broadcast::Encoding::Form;
        return {kind == broadcast::SessionKind::v1 ? Form::sse_without_ids : Form::sse, chunked};
    }
};

/// The answer that becomes a stream: 200 with the stream's headers, which is all that HEAD gets, and a
/// takeover that writes them itself, together with the request's `answer_headers`. `?beat=1` makes the
/// stream's heartbeat an event that scripts can see; another value than 0 or 1: 400.
Response sse_response(const Request& request, SseStart start);

/// Of who is turned away for a while: a client that accepts event streams gets 200, a `retry:` of 5 to 30 s
/// beyond `wait` and the end, because EventSource gives up for good on any other status; others `otherwise`.
/// The connection ends.
Response sse_turned_away(const Request& request, Response otherwise, std::chrono::seconds wait = {});

/// At the cap of streams: so, or 503.
Response sse_busy(const Request& request);

/// One stream: a coroutine that owns its transport. It writes what the client missed itself, page by page;
/// once live it only waits for the client to leave, and the lane writes. On the lane's strand.
class SseSession final : public broadcast::Session {
  public:
    SseSession(aio::Transport transport, broadcast::Lane& lane, SseStart start);

    /// `head` is the response's head. Ends when the stream does.
    awaitable<void> run(std::string head);

  private:
    void on_over(broadcast::Subscription& subscription) override;
    void on_closing() override;

    awaitable<bool> enter(std::string head);
    awaitable<bool> catch_up();
    void add_beat(std::vector<event::EventRef>& frames);
    awaitable<bool> leave_drained();
    void say_end();
    awaitable<bool> write(std::string_view text);
    awaitable<bool> write(std::vector<event::EventRef> frames);
    awaitable<bool> writable();
    awaitable<bool> idle_second();
    /// Throws away what the client sent. False once it has left.
    bool read_away();
    void close(broadcast::CloseReason reason) { lane_.close(*this, reason); }
    bool closing() const { return state() == State::closing; }

    broadcast::Subscription
        subscription_;  // its only one; first, so that it lies beside what a delivery writes
    const SseOptions& options_;
    const bool asks_for_beats_;
    SseAdmission::Ticket ticket_;
    // Last, so that they go first: the lane must not find a session that is half gone.
    broadcast::Membership membership_;
    LatestWins::Claim claim_;
};

}  // namespace stepcast::http

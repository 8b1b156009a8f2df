#include "http/connection.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "aio/turn.hpp"
#include "broadcast/lane.hpp"
#include "http/paging.hpp"
#include "http/request_span.hpp"

namespace stepcast::http {
namespace {

constexpr std::size_t max_linger_bytes = 4 * 1024 * 1024;
/// Of one connection on its lane, if it has requests to go on with.
constexpr auto longest_turn = std::chrono::milliseconds{1};

Response busy() {
    return Response::problem(503, "busy", "clients hold as many bytes here as the server may give them")
        .with("Retry-After", "2");
}

/// Of a handler that threw; within its `catch`.
Response failed(const Request& request) {
    try {
        throw;
    } catch (const std::exception& e) {
        spdlog::error("{} {} failed: {}", wire::method_name(request.method), request.path, e.what());
    } catch (...) {
        spdlog::error("{} {} failed: unknown exception", wire::method_name(request.method), request.path);
    }
    return Response::problem(500, "internal-error", "the server failed to answer; its log says why");
}

Response too_slow() {
    return Response::problem(408, "request-timeout", "the request took too long to arrive");
}

}  // namespace

Connection::Connection(aio::Transport transport, LaneConnections& lane)
    : lane_{lane},
      transport_{std::move(transport)},
      parser_{lane.options().limits},
      received_{*lane.budgets().received},
      phase_{lane, *this},
      share_{lane.options().clients},
      writer_{lane, transport_, phase_, share_},
      peer_{Peer::of(transport_)} {}

void Connection::expire() {
    phase_.expire();
    wake();
}

void Connection::cut() {
    phase_.cut();
    wake();
}

void Connection::wake() {
    transport_.cancel();
    if (turn_notice_ != nullptr) turn_notice_->notify();
}

awaitable<void> Connection::run() {
    if (must_open() && !co_await open(Phase::greeting)) co_return;
    if (!hold_place()) co_return co_await turn_away(too_many_connections("address"));
    transport_.sit_in(lane_.lane().readiness());
    while (true) {
        switch (co_await read_request()) {
            case Outcome::over:
                co_return;
            case Outcome::refused: {
                const auto& refusal = parser_.refusal();
                co_return co_await refuse(Response::problem(refusal.status, refusal.code, refusal.detail));
            }
            case Outcome::request:
                if (!co_await answer()) co_return;
        }
    }
}

/// Waits for bytes and feeds them until there is a request. At any other end the client has been told, as far
/// as it is to be. One coroutine, because every request comes through here, and no answer in it, because
/// every idle connection stands in it.
awaitable<Connection::Outcome> Connection::read_request() {
    using State = wire::RequestParser::State;
    continue_sent_ = false;
    head_judged_ = false;
    if (!pending_.empty()) {
        if (ends_turn()) {
            co_await aio::next_turn();
            begin_turn();
        }
        feed_pending();
    }
    while (parser_.state() == State::head || parser_.state() == State::body) {
        if (lane_.stopping() && !parser_.started()) co_return Outcome::over;
        phase_.enter(reading_phase());
        if (phase_.now() == Phase::body && !std::exchange(head_judged_, true)) {
            if (auto refusal = refusal_of_head()) {
                co_await end_refused(std::move(refusal));
                co_return Outcome::over;
            }
        }
        if (parser_.wants_continue() && !continue_sent_ && !send_continue()) co_return Outcome::over;
        if (!hold_received()) {
            co_await refuse_by(busy);
            co_return Outcome::over;
        }
        const auto [error] = co_await transport_.wait(aio::Transport::readable);
        if (phase_.expired()) {
            phase_.forgive();
            if (!phase_.is_cut() && phase_.now() != Phase::idle) co_await refuse_by(too_slow);
            co_return Outcome::over;
        }
        if (error || !feed_received()) co_return Outcome::over;
        if (!pending_.empty()) begin_turn();
    }
    phase_.enter(Phase::answering);
    co_return parser_.state() == State::done ? Outcome::request : Outcome::refused;
}

/// Counts a request of the connection's turn on the lane. True once it has lasted long enough for the others.
bool Connection::ends_turn() {
    ++turn_;
    return turn_ >= lane_.options().max_pipelined ||
           std::chrono::steady_clock::now() - turn_began_ >= longest_turn;
}

void Connection::begin_turn() {
    turn_ = 0;
    turn_began_ = std::chrono::steady_clock::now();
}

/// A request as the router and a handler see it.
Request Connection::take_request(wire::RequestMessage message) const {
    Request request;
    request.method = message.method;
    request.http_1_0 = message.http_1_0;
    request.path = std::move(message.target.path);
    request.escaped_slashes = std::move(message.target.escaped_slashes);
    request.query = std::move(message.target.query);
    request.headers = std::move(message.headers);
    request.body = std::move(message.body);
    request.peer = peer_;
    return request;
}

bool Connection::has_input() const {
    return transport_.has_input();
}

Phase Connection::reading_phase() const {
    if (!parser_.started()) return Phase::idle;
    return parser_.state() == wire::RequestParser::State::head ? Phase::head : Phase::body;
}

bool Connection::feed_received() {
    auto& buffer = lane_.read_buffer();
    const ssize_t size = transport_.receive(buffer);
    if (size <= 0) return size == 0;
    const std::string_view bytes{buffer.data(), static_cast<std::size_t>(size)};
    const std::size_t taken = parser_.feed(bytes);
    pending_.assign(bytes.substr(taken));
    pending_taken_ = 0;
    return true;
}

void Connection::feed_pending() {
    if (pending_.empty()) return;
    pending_taken_ += parser_.feed(std::string_view{pending_}.substr(pending_taken_));
    if (pending_taken_ != pending_.size()) return;
    std::string{}.swap(pending_);
    pending_taken_ = 0;
}

/// Counts what the connection holds of requests. False if that is more than all may hold together.
bool Connection::hold_received() {
    const std::size_t bytes = parser_.bytes() + pending_.size();
    return received_.resize(bytes <= uncounted_bytes ? 0 : bytes);
}

bool Connection::send_continue() {
    constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
    continue_sent_ = true;
    // Too small for a socket that has sent everything before; a client whose socket is full gets on without
    // it.
    return transport_.send(text) >= 0;
}

/// What the head alone is refused for. Its body is then neither asked for nor waited for, so the connection
/// ends: whether the client sends it all the same is not known.
std::unique_ptr<Response> Connection::refusal_of_head() {
    Request request = take_request(parser_.message());
    Match match = lane_.router().route(request);
    if (!match.answer || match.answer->status < 400) return nullptr;
    match.stats->count(match.answer->status);
    tell(request, *match.stats, match.answer->status, 0);
    finish(*match.answer, request);
    return std::make_unique<Response>(std::move(*match.answer));
}

void Connection::tell(const Request& request, const RequestStats& stats, int status, double seconds) const {
    const auto& log = lane_.options().access_log;
    if (log)
        log({request.peer.name(), request.principal.subject, request.method, stats.route(), status, seconds});
}

/// Gives the answer what it must carry whatever it is.
void Connection::finish(Response& response, Request& request) {
    response.name_trace(request);
    // Caches may keep a 204 or a 404 that says nothing of it, and hand it to others.
    const auto caching = [](const auto& field) { return field.first == "Cache-Control"; };
    if (std::ranges::none_of(response.headers, caching)) response.with("Cache-Control", "no-store");
    response.headers.insert(response.headers.end(), std::make_move_iterator(request.answer_headers.begin()),
                            std::make_move_iterator(request.answer_headers.end()));
}

/// Answers the parsed request. True if the connection goes on.
awaitable<bool> Connection::answer() {
    const auto start = std::chrono::steady_clock::now();
    http_1_0_ = parser_.message().http_1_0;
    const bool keep_alive = parser_.message().keep_alive;
    const bool room = hold_received();
    const std::size_t asked = parser_.bytes();
    Request request = take_request(std::move(parser_.message()));
    parser_.reset();
    const Method method = request.method;
    auto span = begin_span(request);
    Response response;
    const auto [handler, stats] = way_of(request, room, response);
    if (handler != nullptr) {
        try {
            response = co_await (*handler)(request, Context{lane_.lane()});
        } catch (...) {
            response = failed(request);
        }
    }
    hold(response, method);
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    stats->count(response.status, seconds);
    tell(request, *stats, response.status, seconds);
    end_span(span, request, stats->route(), response.status);
    share_.charge(Limited::bytes, asked);
    if (is_unsafe(method) && response.status < 300) share_.charge(Limited::events, response.events);
    if (phase_.is_cut()) co_return false;
    if (response.takeover && method != Method::head) {
        response.takeover->start(std::move(transport_), pending_.substr(pending_taken_), lane_.lane());
        co_return false;
    }
    finish(response, request);
    received_.resize(0);
    const bool close = !keep_alive || lane_.stopping() || response.close || response.status == 503 ||
                       (response.list && http_1_0_);
    const auto persistence = close       ? wire::Persistence::close
                             : http_1_0_ ? wire::Persistence::keep_alive
                                         : wire::Persistence::unsaid;
    const auto sent = writer_.send(response, method == Method::head, http_1_0_, persistence);
    if (!sent.whole || close) request = {};  // a client that is slow holds its answer only
    if (!sent.whole && !co_await writer_.send_rest(std::move(response), sent, pending_.size()))
        co_return false;
    writer_.hold(0);
    // Closing over unread bytes would be a reset, wherever they are.
    if (close && (!pending_.empty() || transport_.has_input())) co_await linger();
    co_return !close;
}

/// Where the request goes; without a handler `response` is its answer.
Connection::Way Connection::way_of(Request& request, bool room, Response& response) {
    Match match = lane_.router().route(request);
    auto refusal = share_.admit(request, match.info);
    if (!refusal) refusal = std::move(match.answer);
    if (!refusal && !room) refusal = busy();
    if (!refusal) return {match.handler, match.stats};
    response = std::move(*refusal);
    return {nullptr, match.stats};
}

/// Counts an answer that may have to wait for its client; in place of one that there is no room for: that.
void Connection::hold(Response& response, Method method) {
    const std::size_t size = response.list ? list_page_bytes + pending_.size() : response.body.size();
    if (size <= uncounted_bytes || method == Method::head || writer_.hold(size)) return;
    // Of a call that changed something the answer is tried, at least.
    if (!is_unsafe(method)) response = busy();
}

/// Of a request that was not understood, or not in time: tells so, as far as its head is known the way any
/// answer would, and ends.
awaitable<void> Connection::refuse(Response response) {
    lane_.router().refused().count(response.status);
    Request request = take_request(std::move(parser_.message()));
    std::ignore = lane_.router().prepare(request);  // it is refused already
    tell(request, lane_.router().refused(), response.status, 0);
    finish(response, request);
    co_await end_with(std::move(response));
}

awaitable<void> Connection::refuse_by(Response (*make)()) {
    co_await refuse(make());
}

/// The same by an answer that is whole and counted already.
awaitable<void> Connection::end_refused(std::unique_ptr<Response> refusal) {
    co_await end_with(std::move(*refusal));
}

awaitable<void> Connection::end_with(Response response) {
    phase_.enter(Phase::answering);
    const bool head_only = parser_.message().method == Method::head;
    const auto sent = writer_.send(response, head_only, http_1_0_, wire::Persistence::close);
    if (!sent.whole && !co_await writer_.send_rest(std::move(response), sent, pending_.size())) co_return;
    writer_.hold(0);
    co_await linger();
}

/// Reads on for a moment after the last answer: bytes that nobody read make the kernel reset the connection,
/// and the client loses the answer.
awaitable<void> Connection::linger() {
    transport_.finish();
    phase_.enter(Phase::lingering);
    std::size_t total = 0;
    while (total < max_linger_bytes && !lane_.stopping() && !phase_.expired()) {
        const auto [error] = co_await transport_.wait(aio::Transport::readable);
        if (error) co_return;
        const ssize_t size = transport_.receive(lane_.read_buffer());
        if (size < 0) co_return;
        total += static_cast<std::size_t>(size);
    }
}

}  // namespace stepcast::http

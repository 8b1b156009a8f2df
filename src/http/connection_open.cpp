// What comes before a connection's first request, and what one beyond the limit is told.
#include "http/connection.hpp"
#include "http/stream/sse_session.hpp"

namespace stepcast::http {

bool Connection::must_open() const {
    return lane_.options().proxies.begin_connections() || !transport_.is_open();
}

/// False if it is over.
awaitable<bool> Connection::open(Phase phase) {
    if (lane_.options().proxies.begin_connections() && !co_await hear_proxy(phase)) co_return false;
    // No handshake is made for who has too many connections.
    co_return transport_.is_open() || (hold_place() && co_await secure(phase));
}

/// A trusted proxy says for whom it connects, within the limit of `phase`. From others nobody hears that.
awaitable<bool> Connection::hear_proxy(Phase phase) {
    const bool trusted = lane_.options().proxies.trusts(peer_);
    ProxyProtocol header;
    phase_.enter(phase);
    while (true) {
        const auto [error] = co_await transport_.wait(aio::Transport::readable);
        if (error || phase_.expired()) co_return false;
        if (phase_.now() == Phase::greeting) phase_.enter(Phase::head);
        auto& buffer = lane_.read_buffer();
        const ssize_t size = transport_.peek(buffer);
        if (size < 0) co_return false;
        const std::string_view bytes{buffer.data(), static_cast<std::size_t>(size)};
        if (!trusted) {
            if (!ProxyProtocol::begins(bytes)) co_return true;
            lane_.complain(peer_, "sent a PROXY header and is not in server.trusted_proxies");
            co_return false;
        }
        transport_.skip(header.feed(bytes));
        if (header.state() == ProxyProtocol::State::reading) continue;
        if (header.state() == ProxyProtocol::State::failed) break;
        peer_ = TrustedProxies::client_of(peer_, header.origin());
        co_return true;
    }
    lane_.complain(peer_, header.why());
    // Who waits for a handshake reads no answer.
    if (transport_.is_open())
        co_await refuse(
            Response::problem(400, "malformed-proxy-header", "the connection " + std::string{header.why()}));
    co_return false;
}

/// The handshake, within the limit of `phase`. It takes its turn once the client has begun, and for each
/// step.
awaitable<bool> Connection::secure(Phase phase) {
    phase_.enter(phase);
    std::optional<HandshakeTurns::Turn> turn;
    while (true) {
        const auto [error] = co_await transport_.wait(aio::Transport::readable);
        if (error || phase_.expired()) co_return false;
        if (phase_.now() == Phase::greeting) phase_.enter(Phase::head);
        if (turn)
            turn->go_on();
        else
            turn.emplace(lane_.handshakes(), *this, lane_.strand());
        turn_notice_ = &turn->notice();
        while (!turn->granted() && !phase_.expired()) co_await turn->notice().wait();
        turn_notice_ = nullptr;
        if (phase_.expired()) co_return false;
        if (const int done = transport_.open(); done != 0) co_return done > 0;
        turn->rest();
    }
}

/// False if its address has as many connections as it may. A trusted proxy may have any number.
bool Connection::hold_place() {
    return lane_.options().proxies.trusts(peer_) || share_.hold_place(peer_);
}

awaitable<void> Connection::refuse_overload() {
    // Its limit, which is short, is for what comes before a request, and for its head.
    if (must_open() && !co_await open(Phase::lingering)) co_return;
    co_await turn_away(
        Response::problem(503, "too-many-connections", "the server has as many connections as it may")
            .with("Retry-After", "5"));
}

/// Answers whatever is asked by that, or a stream's client by what makes it come back later.
awaitable<void> Connection::turn_away(Response response) {
    phase_.enter(Phase::lingering);
    while (parser_.state() == wire::RequestParser::State::head && !phase_.expired()) {
        const auto [error] = co_await transport_.wait(aio::Transport::readable);
        if (phase_.is_cut() || (!phase_.expired() && (error || !feed_received()))) co_return;
    }
    phase_.forgive();
    Request asked;
    asked.headers = parser_.message().headers;
    co_await refuse(sse_turned_away(asked, std::move(response)));
}

}  // namespace stepcast::http

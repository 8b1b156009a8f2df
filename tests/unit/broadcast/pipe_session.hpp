#pragma once
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <functional>

#include "broadcast/broadcaster.hpp"
#include "events.hpp"

namespace stepcast::testing {

/// A session over a pair of connected sockets. Its owner is the test: it leaves its lane by itself once it is
/// closed.
class PipeSession final : public broadcast::Session {
  public:
    PipeSession(asio::io_context& io, broadcast::Lane& lane, broadcast::Topic topic,
                broadcast::SessionKind kind = broadcast::SessionKind::user,
                const broadcast::SessionLimits& limits = default_limits(), bool chunked = false)
        : PipeSession{lane, std::move(topic), kind, limits, chunked, Pipe{io}} {}
    ~PipeSession() override { ::close(client_); }

    /// On the lane's strand.
    bool enter(bool live = true) {
        auto subscription = lane_.subscribe(*this, topic_, live);
        if (subscription) subscription_ = std::move(*subscription);
        return subscription.has_value();
    }
    void go_live(event::Position through) { lane_.go_live(*this, through); }
    void leave() { subscription_ = {}; }
    void ask_for_each_event() { inspects_ = true; }
    void beat() { beats_ = true; }
    event::Position recorded() const { return recorded_; }
    std::size_t waiting() const { return outbox_.frames(); }
    broadcast::SessionId session_id() const { return id(); }
    int client() const { return client_; }
    bool left() const { return left_; }

    /// What the client has got since the last call, without waiting.
    std::string read() {
        std::string all;
        char buffer[8192];
        for (ssize_t n; (n = ::recv(client_, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
            all.append(buffer, static_cast<std::size_t>(n));
        return all;
    }

    event::Position refuses = 0;  ///< `end` at this position
    std::function<void()> while_routing = [] {};
    event::Position ends_at = 0;  ///< `send_and_end`

  private:
    struct Pipe {
        explicit Pipe(asio::io_context& io) : server{io.get_executor()} {
            int ends[2];
            if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) throw std::bad_alloc{};
            server.assign(asio::local::stream_protocol{}, ends[0]);
            client = ends[1];
        }
        aio::Transport::Local server;
        int client;
    };
    PipeSession(broadcast::Lane& lane, broadcast::Topic topic, broadcast::SessionKind kind,
                const broadcast::SessionLimits& limits, bool chunked, Pipe pipe)
        : Session{kind, limits, chunked, aio::Transport{std::move(pipe.server)}},
          lane_{lane},
          topic_{std::move(topic)},
          client_{pipe.client} {}

    static const broadcast::SessionLimits& default_limits() {
        static const broadcast::SessionLimits limits;
        return limits;
    }
    Verdict inspect(const event::Event& event) const override {
        while_routing();
        if (event.position() == refuses) return Verdict::end;
        return event.position() == ends_at ? Verdict::send_and_end : Verdict::send;
    }
    void on_closing() override {
        if (!subscription_) return;
        transport_.cancel();
        asio::post(lane_.strand(), [this] {
            leave();
            left_ = true;
        });
    }

    broadcast::Lane& lane_;
    broadcast::Topic topic_;
    int client_ = -1;
    std::atomic<bool> left_{false};
    broadcast::Subscription subscription_;
};

inline broadcast::Topic of_user(std::string user, const event::Category& category = progress) {
    return {&category, broadcast::Topic::By::subject, std::move(user)};
}
inline broadcast::Topic of_task(std::string task, const event::Category& category = progress) {
    return {&category, broadcast::Topic::By::stream, std::move(task)};
}

}  // namespace stepcast::testing

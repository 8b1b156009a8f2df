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
#include <memory>
#include <vector>

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
        auto membership = lane_.enter(*this);
        if (!membership) return false;
        membership_ = std::move(*membership);
        listen(topic_);
        if (live) go_live(0);
        return true;
    }
    /// One more subscription, which catches up.
    broadcast::Subscription& listen(const broadcast::Topic& topic) {
        auto source = asks_ ? std::make_unique<Asked>(*this) : nullptr;
        subscriptions_.push_back(std::make_unique<broadcast::Subscription>(*this, std::move(source)));
        lane_.subscribe(*subscriptions_.back(), topic);
        return *subscriptions_.back();
    }
    void go_live(event::Position through) { lane_.go_live(*subscriptions_.front(), through); }
    void leave() {
        membership_ = {};
        subscriptions_.clear();
    }
    void ask_for_each_event() { asks_ = true; }
    void outlive_subscriptions() { outlives_ = true; }
    void beat() { beats_ = true; }
    event::Position recorded() const { return subscriptions_.front()->recorded(); }
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

    event::Position refuses = 0;  ///< is not admitted
    std::function<void()> while_routing = [] {};
    event::Position ends_at = 0;

  private:
    /// No past; asked for each live event.
    struct Asked final : broadcast::StreamSource {
        explicit Asked(const PipeSession& its) : session{its} {}
        aio::awaitable<broadcast::CatchUp> next() override { co_return broadcast::CatchUp{}; }
        bool admits(const event::Event& event) const override {
            session.while_routing();
            return event.position() != session.refuses;
        }
        bool ends_with(const event::Event& event) const override {
            return event.position() == session.ends_at;
        }
        const PipeSession& session;
    };
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
        : Session{lane,
                  kind,
                  limits,
                  {kind == broadcast::SessionKind::v1 ? broadcast::Encoding::Form::sse_without_ids
                                                      : broadcast::Encoding::Form::sse,
                   chunked},
                  aio::Transport{std::move(pipe.server)}},
          topic_{std::move(topic)},
          client_{pipe.client} {}

    static const broadcast::SessionLimits& default_limits() {
        static const broadcast::SessionLimits limits;
        return limits;
    }
    void on_over(broadcast::Subscription&) override {
        if (!outlives_) lane_.end(*this);
    }
    void on_closing() override {
        if (!membership_) return;
        transport_.cancel();
        asio::post(lane_.strand(), [this] {
            leave();
            left_ = true;
        });
    }

    broadcast::Topic topic_;
    bool asks_ = false;
    bool outlives_ = false;
    int client_ = -1;
    std::atomic<bool> left_{false};
    std::vector<std::unique_ptr<broadcast::Subscription>> subscriptions_;
    broadcast::Membership membership_;
};

inline broadcast::Topic of_user(std::string user, const event::Category& category = progress) {
    return {&category, broadcast::Topic::By::subject, std::move(user)};
}
inline broadcast::Topic of_task(std::string task, const event::Category& category = progress) {
    return {&category, broadcast::Topic::By::stream, std::move(task)};
}

}  // namespace stepcast::testing

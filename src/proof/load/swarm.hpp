#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "client/response_parser.hpp"
#include "proof/load/frame_scanner.hpp"
#include "proof/load/loop.hpp"
#include "proof/load/network.hpp"

namespace stepcast::proof {

class Swarm;

/// One SSE client of a swarm: follows `target`, remembers its Last-Event-ID over its connections.
class Subscriber final : public Handler {
  public:
    enum class State : std::uint8_t { closed, connecting, waiting, streaming };

    Subscriber(Swarm& swarm, std::uint32_t index, std::string target)
        : swarm_{swarm}, target_{std::move(target)}, index_{index} {}
    ~Subscriber();
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;

    /// Connects and asks, with the last id seen. False if there is no descriptor left.
    bool open();
    /// From the next connect on, in bytes; 0 leaves the kernel's choice.
    void set_receive_buffer(int bytes) { receive_buffer_ = bytes; }
    /// Cuts the connection by a reset. The sink is not told.
    void cut();
    /// A stalled subscriber leaves what comes in the kernel's buffers.
    void stall() { stalled_ = true; }
    void go_on();

    std::uint32_t index() const { return index_; }
    State state() const { return state_; }
    bool is_stalled() const { return stalled_; }
    const std::string& last_id() const { return last_id_; }
    void set_last_id(std::string id) { last_id_ = std::move(id); }

    void on_ready(std::uint32_t events) override;

  private:
    void send_request();
    void read_all(bool until_end);
    bool take(std::string_view bytes, std::uint64_t now);
    void closed(int status);

    Swarm& swarm_;
    std::string target_;
    std::string last_id_;
    client::ResponseParser parser_;
    FrameScanner scanner_;
    int fd_ = -1;
    int receive_buffer_ = 0;
    std::uint32_t index_;
    State state_ = State::closed;
    bool stalled_ = false;
};

/// What a swarm tells. Calls may open, cut or stall the subscriber they are about.
class SwarmSink {
  public:
    static constexpr int no_stream = -1;

    virtual void on_frame(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) = 0;
    /// The server ended the connection. `status`: of the response, 0 if there was none, `no_stream` if it was
    /// a 200 of another content type.
    virtual void on_closed(Subscriber& subscriber, int status) = 0;
    /// A stream has begun: a 200 that is an event stream.
    virtual void on_open(Subscriber& /*subscriber*/, std::uint64_t /*now*/) {}

  protected:
    ~SwarmSink() = default;
};

/// Many SSE clients on one loop.
class Swarm {
  public:
    /// `headers`: further lines of every request, each with its line end.
    Swarm(Loop& loop, const Target& target, SwarmSink& sink, std::string headers = {})
        : loop_{loop}, target_{target}, sink_{sink}, headers_{std::move(headers)}, buffer_(256 * 1024) {}

    /// Adds a subscriber without opening it. Stable address.
    Subscriber& add(std::string target);
    /// Opens all that are closed, a few hundred at a time, and waits until their streams have begun. False if
    /// one was refused, or did not in time.
    bool open_all(std::uint64_t limit_ns);

    std::deque<Subscriber>& all() { return all_; }
    std::size_t size() const { return all_.size(); }
    std::size_t streaming() const { return streaming_; }

  private:
    friend Subscriber;

    Loop& loop_;
    const Target& target_;
    SwarmSink& sink_;
    std::string headers_;
    std::vector<char> buffer_;  // shared: a subscriber empties it before the next one reads
    std::size_t streaming_ = 0;
    std::size_t opening_ = 0;
    std::deque<Subscriber> all_;  // last: a subscriber counts itself out when it goes
};

}  // namespace stepcast::proof

#pragma once
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aio/gate.hpp"
#include "aio/stop.hpp"
#include "base/metric_sink.hpp"
#include "bus/bus.hpp"
#include "flow/committer.hpp"

namespace stepcast::flow {

/// Gives the bus what commits owe it: per topic in the order in which it was committed, one window of
/// messages at a time, each until the bus has it; so at least once, with the same bytes each time, and its id
/// as the header `message-id` unless it has one. That the bus has a window is committed while the next one is
/// on its way. A topic whose messages wait holds up no other one. Everything on the core strand.
class OutboxRelay {
  public:
    struct Options {
        std::size_t window = 1024;            ///< messages of a topic that are on their way at once
        std::size_t window_bytes = 1 << 20;   ///< of their values; one message may be larger
        std::chrono::milliseconds look{250};  ///< how often it looks without a call of `wake`
        Duration lease = std::chrono::seconds{30};
    };

    /// All outlive the relay.
    OutboxRelay(const aio::Strand& core, store::EventStore& store, Committer& committer, bus::MessageBus& bus,
                Options options);

    /// Before `start`: messages of this topic are sent. Those of other topics are left alone.
    void serve(const std::string& topic);
    /// Begins to send once `ready` says so, which is asked now and then: when the consumers of this process
    /// have subscribed, because a bus in memory keeps nothing for those who come later.
    void start(std::function<bool()> ready);
    /// A commit has left messages.
    void wake();
    /// Ends what is on its way; what is not known to have arrived is sent again after the next start. After
    /// Committer::stop.
    aio::awaitable<void> stop();

    void read_metrics(MetricSink& sink, Timestamp now) const;

  private:
    struct Topic {
        Topic(std::string its_name, const aio::Strand& core)
            : name{std::move(its_name)}, wake{core}, forget{core} {}
        const std::string name;
        aio::Notice wake;                       // of who sends
        aio::Notice forget;                     // of who says in the store what was sent
        std::deque<store::PendingRef> waiting;  // as long as `fence` holds
        std::size_t given = 0;  // of those, from the front: the bus has them, the store does not know it yet
        // Its messages above this number are not in `waiting`, although others have been read on; nothing:
        // all are, up to `read_`.
        std::optional<std::uint64_t> behind;
        store::Fence fence;
        bool sends = true;        // false: nothing is given any more
        std::size_t singles = 0;  // so many go one at a time, to find those that the bus does not take
        std::uint64_t sent = 0;
        std::uint64_t failed = 0;  // attempts of a window
        std::uint64_t lost = 0;    // messages that the bus will never take
    };

    aio::awaitable<void> begin(std::function<bool()> ready);
    aio::awaitable<void> sort();
    aio::awaitable<result<void>> sort_new();
    aio::awaitable<void> send(Topic& topic);
    aio::awaitable<result<bool>> send_next(Topic& topic);
    std::size_t next_window(const Topic& topic) const;
    aio::awaitable<void> forget(Topic& topic);
    aio::awaitable<result<void>> forget_given(Topic& topic);
    void keep(Topic& topic, store::PendingRef pending);
    std::size_t most_kept() const { return 4 * options_.window; }
    aio::awaitable<result<void>> catch_up(Topic& topic);
    aio::awaitable<result<void>> produce(Topic& topic, std::size_t window);

    const aio::Strand core_;
    store::EventStore& store_;
    Committer& committer_;
    bus::MessageBus& bus_;
    const Options options_;
    const std::string holder_;
    std::list<Topic> topics_;
    aio::Notice wake_;
    std::uint64_t read_ = 0;  // up to here each message pending was shown to its topic
    aio::Stop stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::flow

#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "aio/gate.hpp"
#include "aio/stop.hpp"
#include "bus/bus.hpp"
#include "flow/dead_letters.hpp"

namespace stepcast::flow {

/// The way of a topic's records into a module: takes batches from the bus and has them handled one after the
/// other, buries what can never be handled, and gives again what cannot be handled now, with growing pauses.
/// Knows nothing of what records mean. All on its strand, unless said otherwise.
class Consumer {
  public:
    using Subscription = std::variant<bus::GroupSubscription, bus::ReplaySubscription>;

    /// A record that was not handled.
    struct Failure {
        enum class Kind : std::uint8_t {
            passing,  ///< a dependency is away: the record is given again, and nothing behind it meanwhile
            poison,   ///< no other attempt would change it: it becomes a dead letter
        };
        const bus::Record* record;
        Kind kind;
        Error error;
        std::uint32_t tries = 1;  ///< in this call
    };

    class Handler {
      public:
        virtual ~Handler() = default;

        /// Before the first batch is asked for; the bus keeps records meanwhile.
        virtual aio::awaitable<void> begin() { co_return; }
        /// Handles records, in order; calls those done whose effect is committed, now or at any time until
        /// the consumer has stopped. Returns the others that failed. Records of one partition behind one
        /// that fails in passing fail like it, unless their order does not matter. Whoever leaves a record
        /// out of both, because it is time to stop, has it given again by the bus later.
        virtual aio::awaitable<std::vector<Failure>> take(std::span<const bus::Record> records) = 0;
        /// The letters of what `take` returned last are written, their records done.
        virtual aio::awaitable<void> buried() { co_return; }
        /// After each batch, each quarter of a second without one, and at the end.
        virtual aio::awaitable<void> look() { co_return; }
    };

    /// `name`: a literal, for the log. All outlive the consumer.
    Consumer(asio::io_context& io, bus::MessageBus& bus, DeadLetters& dead_letters, std::string_view name);

    const aio::Strand& strand() const { return strand_; }

    /// Once. Any strand. `handler` outlives the consumer's stop.
    void start(Subscription subscription, Handler& handler);

    /// Cuts every pause, waits for what runs behind the gate and leaves the topic: what was handed out and is
    /// not done is given again later. Also without a start. Any strand.
    aio::awaitable<void> stop();
    bool stopping() const { return stop_.raised(); }  ///< any thread
    /// Pauses whoever works for this consumer, on any strand. False when it is time to stop.
    aio::awaitable<bool> pause(std::chrono::steady_clock::duration limit) { return stop_.pause(limit); }
    /// Reads what a handler needs of the store, with growing pauses until the store can be read. False when
    /// it is time to stop.
    aio::awaitable<bool> until_readable(std::function<aio::awaitable<result<void>>()> read);
    /// Gives messages to the bus; nothing when it is time to stop, although the bus may have taken them. For
    /// what may be sent again.
    aio::awaitable<std::optional<result<std::vector<bus::Place>>>> produce(
        std::vector<bus::Message> messages);
    /// For what a handler runs beside: `stop` waits for it.
    aio::Gate::Hold enter() { return gate_.enter(); }

    /// True once the bus keeps records for us: before that nobody would be waited for. Any thread.
    bool subscribed() const { return subscribed_.load(std::memory_order_acquire); }

    // Once started.
    void settle(bus::Place place) { from_->settle(place); }
    void done(bus::Place place) { from_->done(place); }
    /// See bus::Consumer::refuse: in place of a dead letter, where the producer waits to be told.
    bool refuse(bus::Place place, const Error& why) { return from_->refuse(place, why); }
    bool caught_up() const { return from_->caught_up(); }
    int caught_up_percent() const { return from_->caught_up_percent(); }
    std::int64_t too_old() const { return from_->too_old(); }
    std::int64_t lag() const { return from_->lag(); }
    bool healthy() const { return from_->healthy(); }

  private:
    aio::awaitable<void> run(Handler& handler);
    aio::awaitable<void> handle(const bus::Batch& batch, Handler& handler);
    aio::awaitable<bool> bury(const std::vector<DeadLetters::Letter>& letters, Handler& handler);

    const aio::Strand strand_;
    bus::MessageBus& bus_;
    DeadLetters& dead_letters_;
    const std::string_view name_;
    std::string topic_;
    std::unique_ptr<bus::Consumer> from_;
    std::atomic<bool> subscribed_{false};
    aio::Stop stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::flow

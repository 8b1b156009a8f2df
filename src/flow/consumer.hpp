#pragma once
#include <atomic>
#include <deque>
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
#include "flow/letter_box.hpp"

namespace stepcast::flow {

/// The way of a topic's records into a module: takes batches from the bus and has them handled one after the
/// other, buries what can never be handled, and gives again what cannot be handled now, with growing pauses.
/// Takes its dead letters when they are handed over again. Knows nothing of what records mean. All on its
/// strand, unless said otherwise.
class Consumer final : LetterReceiver {
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
        /// The source offsets that move with the letters of what `take` returned last. On the core strand.
        virtual std::vector<store::Commit> moves() { return {}; }
        /// The letters of what `take` returned last are written, their records done.
        virtual aio::awaitable<void> buried() { co_return; }
        /// Letters of what `take` returned last are copied to their topic; else they were once before.
        virtual bool copies_letters() const { return true; }
        /// After each batch, each quarter of a second without one, and at the end.
        virtual aio::awaitable<void> look() { co_return; }
    };

    /// What becomes of the records behind a dead letter.
    enum class Order : std::uint8_t {
        none,    ///< they are handled: each says all by itself
        of_key,  ///< those of its key are parked behind it; a record without a key stands for itself
    };

    /// `name`: a literal, for the log, and for its letters. All outlive the consumer.
    Consumer(asio::io_context& io, bus::MessageBus& bus, DeadLetters& dead_letters, std::string_view name,
             Order order = Order::none);

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
    void settle(bus::Place place) {
        if (!place.again) from_->settle(place);
    }
    void done(bus::Place place);
    /// See bus::Consumer::refuse: in place of a dead letter, where the producer waits to be told.
    bool refuse(bus::Place place, const Error& why) { return !place.again && from_->refuse(place, why); }
    bool caught_up() const { return from_->caught_up(); }
    int caught_up_percent() const { return from_->caught_up_percent(); }
    std::int64_t too_old() const { return from_->too_old(); }
    std::int64_t lag() const { return from_->lag(); }
    bool healthy() const { return from_->healthy(); }

  private:
    // Somebody waits for what becomes of a letter, or for the moment between two batches.
    struct Asked {
        const bus::Record* record;  // null: for the moment
        std::optional<Outcome> outcome;
        aio::Notice told;
    };

    bool keeps_order() const override { return order_ == Order::of_key; }
    aio::awaitable<std::optional<Outcome>> hand_over(const bus::Record& record) override;
    aio::awaitable<bool> between_batches() override;
    aio::awaitable<std::optional<Outcome>> ask(const bus::Record* record);

    aio::awaitable<void> run(Handler& handler);
    aio::awaitable<bool> handle(std::span<const bus::Record> records, Handler& handler);
    aio::awaitable<bool> handle_in_order(std::span<const bus::Record> records, Handler& handler);
    aio::awaitable<bool> park_behind(std::vector<bus::Record>& records, Handler& handler);
    aio::awaitable<bool> bury(const std::vector<DeadLetters::Letter>& letters, Handler& handler);
    aio::awaitable<void> take_asked(Handler& handler);
    void end_letter(bus::Place place, Outcome outcome);

    const aio::Strand strand_;
    bus::MessageBus& bus_;
    DeadLetters& dead_letters_;
    const std::string_view name_;
    const std::string id_;  // the same for its letters
    const Order order_;
    std::deque<Asked*> asked_;  // not begun
    std::deque<Asked*> given_;  // to the handler, and not done
    bool ended_ = false;        // nobody looks at asked_ any more
    std::string topic_;
    std::unique_ptr<bus::Consumer> from_;
    std::atomic<bool> subscribed_{false};
    aio::Stop stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::flow

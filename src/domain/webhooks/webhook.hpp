#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "aio/gate.hpp"
#include "aio/notice.hpp"
#include "aio/stop.hpp"
#include "base/metric_sink.hpp"
#include "domain/module.hpp"
#include "domain/webhooks/queue.hpp"
#include "domain/webhooks/sender.hpp"

namespace stepcast::webhooks {

/// Tells one receiver what becomes of tasks, at least once each, of one task in order. What is owed stands in
/// the store as a timer, from the commit that takes it from the feed, with the feed's position, until the
/// commit that ends it: delivered, or parked as a dead letter. Everything on the core strand.
class Webhook final : flow::LetterReceiver {
  public:
    /// All outlive the webhook. `category`: of the tasks.
    Webhook(const domain::Parts& parts, const event::Category& category, asio::thread_pool& files,
            Options options);

    const std::string& name() const { return options_.name; }

    /// Goes on where an earlier start stopped; the first one begins behind what is stored. False if a stop
    /// came first.
    aio::awaitable<bool> restore();
    /// Between `restore` and `start`: what an earlier start left.
    void take_up(Delivery delivery) { queue_.add(std::move(delivery)); }
    void start();
    /// Cuts what is under way: it is sent again after the next start.
    aio::awaitable<void> stop();

    /// The feed's next events of the category; there are no others up to `through`.
    void note(std::span<const event::EventRef> events, event::Position through);
    void note_stalled(std::string_view task, event::Version version);

    void read_metrics(MetricSink& sink) const;

  private:
    // What was read of the feed: what it has for us, and up to where it has no more.
    struct Taken {
        std::vector<Delivery> deliveries{};
        event::Position through = 0;
        bool more = false;
    };
    struct Counts {
        std::uint64_t delivered = 0;
        std::uint64_t failed = 0;  // attempts
        std::uint64_t dead = 0;
        std::uint64_t dropped = 0;  // stalls that found no room
    };

    bool keeps_order() const override { return true; }
    aio::awaitable<std::optional<Outcome>> hand_over(const bus::Record& record) override;
    aio::awaitable<bool> between_batches() override;

    aio::awaitable<void> run();
    std::chrono::steady_clock::duration idle() const;
    aio::awaitable<result<bool>> take_in();
    aio::awaitable<result<Taken>> read_feed();
    aio::awaitable<result<void>> take_stalled();
    bool wants(const event::Event& event) const;
    void add_wanted(std::vector<Delivery>& to, const event::Event& event) const;

    void begin_due();
    aio::awaitable<void> deliver(Delivery delivery);
    aio::awaitable<void> send(Delivery& delivery);
    aio::awaitable<bool> parked_behind(const Delivery& delivery);
    aio::awaitable<void> park(const Delivery& delivery, Error why);
    aio::awaitable<void> try_again(const Delivery& delivery, Duration pause);
    void note_outcome(const result<void>& taken);

    const domain::Parts& parts_;
    const event::Category& category_;
    const Options options_;
    const std::string consumer_;  // in the store, and of its letters
    std::vector<bool> wanted_;    // by type of the category
    const bool wants_stalls_;
    Sender sender_;
    Queue queue_;
    event::Position read_ = 0;           // taken from the feed
    event::Position stored_ = 0;         // the store knows that
    event::Position seen_ = 0;           // the feed has come so far
    std::deque<event::EventRef> fresh_;  // wanted, behind read_
    bool behind_ = true;                 // what follows fresh_ is read from the store
    std::deque<std::pair<std::string, event::Version>> stalls_;
    std::size_t in_flight_ = 0;
    std::size_t looking_ = 0;  // whether something of a task is parked, and parking behind it
    bool failing_ = false;
    Counts counts_;
    aio::Notice wake_;
    aio::Stop stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::webhooks

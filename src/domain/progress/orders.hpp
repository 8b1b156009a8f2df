#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "aio/notice.hpp"
#include "bus/bus.hpp"
#include "domain/progress/service.hpp"
#include "flow/committer.hpp"
#include "flow/consumer.hpp"
#include "flow/dead_letters.hpp"
#include "flow/inbox.hpp"
#include "store/store.hpp"

namespace stepcast::progress {

/// An order as it stands on topic order-events-v2.
struct Order {
    std::string task_id;
    std::string user_id;
    std::string product_name;
    std::int64_t quantity = 0;
    Timestamp timestamp{};
};

inline constexpr std::int64_t max_quantity = (std::int64_t{1} << 53) - 1;
inline constexpr std::size_t max_product_name_characters = 256;

/// Refuses a product name that is not 1–256 printable characters.
result<void> check_product_name(std::string_view name);
std::string encode_order(const Order& order);
/// Reads a record of the topic. Errors name the field.
result<Order> decode_order(std::string_view text);
/// Reads what a caller asks for: userId, productName, quantity; the task has no id yet. `sender` is the user
/// if none is named; empty: one must be. Errors name the field.
result<Order> decode_order_form(std::string_view body, std::string_view sender = {});

/// The seeds' OrderConsumerV2: works orders off, many at once, each as a task of five events `TASK:0` to
/// `TASK:4`, step_delay apart, published to the events topic. An order begun by a consumer that died goes on
/// after its last stored step.
class OrderConsumer final : flow::Consumer::Handler {
  public:
    struct Options {
        std::string orders_topic = "order-events-v2";
        std::string events_topic = "progress-events";
        std::string group = "order-consumer-v2";
        Duration step_delay = std::chrono::seconds{1};
        std::int64_t stock = 100;            ///< more than this fails at 재고 확인
        std::size_t max_in_flight = 10'000;  ///< beyond it no further orders are taken
        /// The bus forgets at its end and the store does not: an order stands in the store, as a timer for
        /// when it would be overdue, from before it is begun until it is worked off. The next start goes on
        /// with all that are set.
        bool keep_in_store = false;
        Duration inbox_keep = std::chrono::hours{169};  ///< an order that comes again is known for so long
    };

    OrderConsumer(asio::io_context& io, ProgressEventService& service, flow::Committer& committer,
                  bus::MessageBus& bus, flow::DeadLetters& dead_letters, Options options);

    void start();
    /// Abandons orders between two steps; they are given again to whoever consumes next. Any strand.
    awaitable<void> stop();

    /// True once the bus keeps orders for us: before that nobody would be waited for. Any thread.
    bool subscribed() const { return consumer_.subscribed(); }
    /// No further orders are taken now: one given to the bus would wait without being begun.
    bool full() const { return in_flight() >= options_.max_in_flight; }
    /// Orders that came again after they were worked off.
    std::uint64_t duplicates() const { return inbox_.duplicates(); }
    std::size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

  private:
    struct Taken {
        Order order;
        std::optional<bus::Place> place;  // none: it comes from the store
    };

    awaitable<void> begin() override;
    awaitable<std::vector<flow::Consumer::Failure>> take(std::span<const bus::Record> records) override;
    store::Timer timer_of(const Order& order) const;
    awaitable<void> go_on_with_kept();
    awaitable<void> take_over_outbox();
    awaitable<void> keep_and_begin(std::vector<Taken>& taken);
    awaitable<bool> leave_out_handled(std::vector<Taken>& taken);
    void work_off_beside(Taken taken);
    awaitable<void> work_off(Taken taken);
    awaitable<bool> work_steps(const Taken& taken);
    awaitable<int> next_step(const Order& order);
    awaitable<bool> publish(const Order& order, int step);

    ProgressEventService& service_;
    flow::Committer& committer_;
    const Options options_;
    std::atomic<std::size_t> in_flight_{0};
    flow::Inbox inbox_;  // on the core
    flow::Consumer consumer_;
    aio::Notice room_;
};

}  // namespace stepcast::progress

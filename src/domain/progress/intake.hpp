#pragma once
#include <array>
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "bus/bus.hpp"
#include "domain/progress/codec.hpp"
#include "domain/progress/ingest.hpp"
#include "domain/progress/orders.hpp"
#include "domain/progress/service.hpp"

namespace stepcast::progress {

/// Takes events and orders that come over HTTP: checks them as far as can be known before the bus, then gives
/// them to it.
class ProgressIntake {
  public:
    struct Given {
        std::string event_id;
        std::string task_id;
    };

    ProgressIntake(ProgressEventService& service, const flow::Committer& committer, bus::MessageBus& bus,
                   const ProgressIngest& ingest, const OrderConsumer* orders, std::string events_topic,
                   std::string orders_topic)
        : service_{service},
          committer_{committer},
          bus_{bus},
          ingest_{ingest},
          orders_{orders},
          events_topic_{std::move(events_topic)},
          orders_topic_{std::move(orders_topic)} {}

    /// All or none. Completes when the bus has them; errors name the element's field, an event id known with
    /// another body is errc::conflict, another's task errc::not_owner. Any strand; resumes on the caller's.
    awaitable<result<std::vector<Given>>> publish(std::vector<ProgressEvent> events, bool array);
    /// Gives an order to the bus and returns its task id.
    awaitable<result<std::string>> order(std::string user_id, std::string product_name,
                                         std::int64_t quantity);

    /// What was refused over HTTP, by the problem's code; the last stands for all others. Any thread.
    static constexpr std::array<std::string_view, 6> reasons{
        "malformed", "invalid-field", "not-owner", "idempotency-conflict", "unsupported-media-type", "other"};
    void count_rejected(std::string_view code);
    std::uint64_t rejected(std::size_t reason) const {
        return rejected_[reason].load(std::memory_order_relaxed);
    }

  private:
    awaitable<result<void>> check(const std::vector<ProgressEvent>& events, bool array);
    bool store_paused() const;
    tl::unexpected<Error> not_given(Error why, bool array) const;
    bus::Message message_of(ProgressEvent& event) const;

    ProgressEventService& service_;
    const flow::Committer& committer_;
    bus::MessageBus& bus_;
    const ProgressIngest& ingest_;
    const OrderConsumer* orders_;  // null: orders are off
    const std::string events_topic_;
    const std::string orders_topic_;
    std::array<std::atomic<std::uint64_t>, reasons.size()> rejected_{};
};

}  // namespace stepcast::progress

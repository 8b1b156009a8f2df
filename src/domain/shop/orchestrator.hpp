#pragma once
#include "domain/shop/fulfilment.hpp"
#include "domain/shop/orders.hpp"
#include "flow/process_manager.hpp"

namespace stepcast::shop {

/// Leads orders through payment, stock and shipment, and undoes in reverse what was done: the order service's
/// part of the style `orchestration`. Commands to the other services leave in the commit of the move that
/// registers their step, answers come over topics; the shipment is the order service's own. Orders of the
/// other style it passes over. On the core strand.
class OrderSagaOrchestrator final : public flow::SagaPlan {
  public:
    struct Options {
        std::string prefix{};                             ///< before topics
        Duration step_timeout = std::chrono::minutes{1};  ///< a step without an answer is undone after this
        /// What undoes a step is waited for so long; then the saga is stuck.
        Duration compensation_timeout = std::chrono::minutes{10};
        Duration ship_after = std::chrono::minutes{1};  ///< about how long the shipment takes
        Duration look_every = std::chrono::seconds{1};  ///< for timers that are due
    };

    /// All outlive it.
    OrderSagaOrchestrator(const domain::Parts& parts, Orders& orders, Options options);

    aio::awaitable<result<void>> on_order_event(OrderNote note, event::Metadata cause);
    aio::awaitable<result<void>> on_stock_reserved(StockReservedEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_stock_reservation_failed(StockReservationFailedEvent event,
                                                             event::Metadata cause);
    aio::awaitable<result<void>> on_payment_completed(PaymentCompletedEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_payment_failed(PaymentFailedEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_compensation_completed(CompensationCompletedEvent event,
                                                           event::Metadata cause);

    void start() { sagas_.start(); }
    /// After Committer::stop.
    aio::awaitable<void> stop() { return sagas_.stop(); }
    flow::ProcessManager& sagas() { return sagas_; }
    const flow::ProcessManager& sagas() const { return sagas_; }

    std::string_view name() const override { return "order"; }
    std::span<const flow::SagaStep> steps() const override { return steps_; }
    const flow::SagaState* saga(const flow::Aggregate& state) const override;
    std::string owner(const flow::Aggregate& state) const override;
    std::string reason(const flow::Aggregate& state) const override;
    aio::awaitable<result<flow::SagaAnswer>> act(const flow::SagaTurn& turn) override;
    aio::awaitable<result<flow::SagaAnswer>> undo(const flow::SagaTurn& turn) override;
    bool is_refusal(const Error& error) const override;
    flow::Decision tell(const std::string& id, const flow::Aggregate& state, event::Version version,
                        const Told& told) const override;

  private:
    enum Step : std::size_t { payment, stock, shipment };

    aio::awaitable<result<void>> begin(std::string id, event::Metadata cause);
    aio::awaitable<result<void>> turn_back(std::string id, event::Metadata cause);
    aio::awaitable<result<void>> answer(std::string id, Step step, bool undoing, event::Metadata cause,
                                        result<void> outcome = {});
    aio::awaitable<result<flow::SagaAnswer>> ship(const flow::SagaTurn& turn);
    flow::Decision decision(const std::string& id, const Fulfilment& before, FulfilmentEvent event,
                            event::Version version) const;
    void command(store::Commit& beside, const Fulfilment& after) const;

    const domain::Parts parts_;
    Orders& orders_;
    const Options options_;
    const std::array<flow::SagaStep, 3> steps_;
    flow::ProcessManager sagas_;  // last: it drives what stands above
};

}  // namespace stepcast::shop

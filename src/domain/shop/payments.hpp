#pragma once
#include <map>

#include "domain/shop/errands.hpp"
#include "domain/shop/messages.hpp"
#include "domain/shop/payment.hpp"
#include "domain/shop/provider.hpp"
#include "event/spans.hpp"
#include "flow/circuit.hpp"
#include "flow/commands.hpp"

namespace stepcast::shop {

/// The payment service: what is asked for stands in the store before the provider is asked, so a slow one
/// holds up no partition, and a stop forgets nothing. On the core strand.
class Payments {
  public:
    struct Options {
        std::string prefix{};  ///< before topics
        /// How long an answer of the provider is waited for in all; then whatever it took goes back.
        Duration timeout = std::chrono::seconds{10};
        /// What is not given back for so long is told as overdue. It is asked for again all the same.
        Duration refund_patience = std::chrono::minutes{10};
        flow::Circuit::Options circuit{};  ///< one for charges, one for refunds
    };

    /// `provider` outlives it.
    Payments(const domain::Parts& parts, PaymentProvider& provider, Options options);

    void start() { errands_.start(); }
    /// After Committer::stop.
    aio::awaitable<void> stop();
    void read_metrics(MetricSink& sink) const;
    std::vector<domain::StepCircuit> circuits() const {
        return {{"charge", &charging_}, {"refund", &refunding_}};
    }

    aio::awaitable<result<void>> on_stock_reserved(StockReservedEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_order_cancelled(OrderCancelledEvent event, event::Metadata cause);
    aio::awaitable<result<void>> on_command(OrderCommand command, event::Metadata cause);

  private:
    aio::awaitable<result<void>> request(OrderCommand order, event::Metadata cause);
    aio::awaitable<result<void>> cancel(OrderCommand order, event::Metadata cause);
    aio::awaitable<result<void>> move(PaymentEvent event, event::Metadata cause);
    flow::Decision decision(const Payment& before, PaymentEvent event, event::Version version) const;
    aio::awaitable<result<bool>> step(std::string id);
    aio::awaitable<void> drop_timer(const std::string& id);
    aio::awaitable<result<Payment>> load(const std::string& id);
    aio::awaitable<event::Metadata> last_cause(const std::string& id);
    aio::awaitable<event::OpenSpan> span_of(const std::string& id, std::string_view step);
    aio::awaitable<result<bool>> charge(const std::string& id, const Payment& payment);
    aio::awaitable<result<bool>> charge_again(const std::string& id, const Payment& payment);
    aio::awaitable<result<bool>> refund(const std::string& id, Timestamp since);
    aio::awaitable<result<bool>> put_off(const std::string& id, Duration wait);
    void leave(flow::Circuit& circuit, std::string_view step, bool answered);

    const domain::Parts parts_;
    const Options options_;
    PaymentProvider& provider_;
    flow::Circuit charging_;
    flow::Circuit refunding_;
    std::map<std::string, Timestamp> owed_;  // by payment: since when its money is to be given back
    flow::Commands commands_;
    Errands errands_;
};

}  // namespace stepcast::shop

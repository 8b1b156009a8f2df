#pragma once
#include <array>

#include "domain/shop/messages.hpp"
#include "flow/aggregate.hpp"
#include "flow/saga_state.hpp"

namespace stepcast::shop {

/// What happened to the fulfilment of an order, in a stream of its own: its orchestrator's state. One type
/// for each move of a saga, in their order.
inline constexpr std::array<std::string_view, 9> fulfilment_type_names{
    "FULFILMENT_BEGUN",       "FULFILMENT_STEP_DONE", "FULFILMENT_STEP_REFUSED",
    "FULFILMENT_DOUBTED",     "FULFILMENT_UNDONE",    "FULFILMENT_COMPLETED",
    "FULFILMENT_COMPENSATED", "FULFILMENT_STUCK",     "FULFILMENT_RESUMED"};

/// Streams `fulfilment-ORDER`. They never expire.
inline constexpr event::Category fulfilment_category{"fulfilment", "fulfilment", fulfilment_type_names,
                                                     false};

struct FulfilmentEvent {
    flow::SagaMove move = flow::SagaMove::begun;
    Timestamp at{};
    std::string order_id{};
    // Of FULFILMENT_BEGUN: what commands need to know of the order.
    std::string user_id{};
    std::vector<OrderItem> items{};
    std::int64_t total_amount = 0;
    std::string payment_method{};
    // Of the others.
    std::int64_t step = 0;  ///< of FULFILMENT_RESUMED, where it goes on
    std::string reason{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("userId", self.user_id, may);
        f("items", self.items, may);
        f("totalAmount", self.total_amount, may);
        f("paymentMethod", self.payment_method, may);
        f("step", self.step, may);
        f("reason", self.reason, may);
        f("timestamp", self.at, must);
    }
};

/// The fold of a fulfilment's events.
struct Fulfilment {
    flow::SagaState saga{};
    OrderCommand order{};  ///< less what is to be done
    std::string reason{};  ///< why it turned back, or is stuck
    Timestamp updated_at{};
};

/// Moves the state by an event, whatever its rules were when it happened.
void evolve(Fulfilment& fulfilment, const FulfilmentEvent& event);

event::Draft make_draft(const FulfilmentEvent& event, std::string_view event_id, std::string_view user_id);
result<FulfilmentEvent> decode_fulfilment(flow::SagaMove move, std::string_view body);
result<void> check_stored_fulfilment(const event::Event& draft);
/// `{"orderId":…,"status":…,"step":…}`
std::string encode_fulfilment(std::string_view order_id, const Fulfilment& fulfilment,
                              event::Version version);

class FulfilmentAggregate final : public flow::Aggregate {
  public:
    void evolve(const event::Event& event, std::string_view body) override;
    /// A fulfilment has few events: it is always folded from the first.
    std::string save() const override { return {}; }
    bool restore(std::string_view) override { return false; }

    const Fulfilment& fulfilment() const { return fulfilment_; }
    bool broken() const { return broken_; }

  private:
    Fulfilment fulfilment_;
    bool broken_ = false;
};

flow::AggregateKind fulfilment_kind();

}  // namespace stepcast::shop

#pragma once
#include <optional>

#include "domain/shop/fields.hpp"
#include "flow/aggregate.hpp"

namespace stepcast::shop {

enum class PaymentEventType : std::uint8_t {
    requested,
    completed,
    failed,     ///< the provider says no, or nothing: then whatever it took is back
    cancelled,  ///< the order is: what was taken, or will have been, goes back; or nothing is ever asked for
    refunded
};
inline constexpr std::array<std::string_view, 5> payment_type_names{
    "PAYMENT_REQUESTED", "PAYMENT_COMPLETED", "PAYMENT_FAILED", "PAYMENT_CANCELLED", "PAYMENT_REFUNDED"};

/// Streams `payment-ORDER`. They never expire.
inline constexpr event::Category payment_category{"payment", "payment", payment_type_names, false};

struct PaymentEvent {
    PaymentEventType type = PaymentEventType::requested;
    Timestamp at{};
    std::string order_id{};
    // Of PAYMENT_REQUESTED.
    std::string user_id{};
    std::int64_t amount = 0;
    std::string method{};
    // Of PAYMENT_FAILED and PAYMENT_CANCELLED.
    std::string reason{};

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("orderId", self.order_id, must);
        f("userId", self.user_id, may);
        f("amount", self.amount, may);
        f("paymentMethod", self.method, may);
        f("reason", self.reason, may);
        f("timestamp", self.at, must);
    }
};

enum class PaymentStatus : std::uint8_t {
    none,
    requested,
    completed,
    failed,
    barred,      ///< cancelled before it was asked for
    cancelling,  ///< to be refunded
    refunded
};
inline constexpr std::array<std::string_view, 7> payment_status_names{
    "NONE", "REQUESTED", "COMPLETED", "FAILED", "BARRED", "CANCELLING", "REFUNDED"};

/// The fold of a payment's events.
struct Payment {
    PaymentStatus status = PaymentStatus::none;
    std::string user_id{};
    std::int64_t amount = 0;
    std::string method{};
    std::string reason{};
    Timestamp requested_at{};
    Timestamp cancelled_at{};

    /// There is something to ask the provider for.
    bool under_way() const {
        return status == PaymentStatus::requested || status == PaymentStatus::cancelling;
    }
};

/// Whether the event changes anything: a payment is asked for once, has one outcome, and is refunded once.
bool may_follow(const Payment& payment, PaymentEventType type);
/// Moves the state by an event, whatever its rules were when it happened.
void evolve(Payment& payment, const PaymentEvent& event);

event::Draft make_draft(const PaymentEvent& event, std::string_view event_id, std::string_view user_id);
result<PaymentEvent> decode_payment(PaymentEventType type, std::string_view body);
result<void> check_stored_payment(const event::Event& draft);
std::string encode_payment(std::string_view order_id, const Payment& payment, event::Version version);

class PaymentAggregate final : public flow::Aggregate {
  public:
    void evolve(const event::Event& event, std::string_view body) override;
    /// A payment has few events: it is always folded from the first.
    std::string save() const override { return {}; }
    bool restore(std::string_view) override { return false; }

    const Payment& payment() const { return payment_; }
    bool broken() const { return broken_; }

  private:
    Payment payment_;
    bool broken_ = false;
};

flow::AggregateKind payment_kind();

}  // namespace stepcast::shop

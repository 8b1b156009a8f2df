#include "domain/shop/payment.hpp"

namespace stepcast::shop {
namespace {

using PaymentType = PaymentEventType;
using Is = PaymentStatus;

const event::Upcasters payment_as_written;  // no type has ever changed

}  // namespace

bool may_follow(const Payment& payment, PaymentType type) {
    switch (type) {
        case PaymentType::requested:
            return payment.status == Is::none;
        case PaymentType::completed:
        case PaymentType::failed:
            return payment.status == Is::requested;
        case PaymentType::cancelled:
            return payment.status == Is::none || payment.status == Is::requested ||
                   payment.status == Is::completed;
        case PaymentType::refunded:
            return payment.status == Is::cancelling;
    }
    return false;
}

void evolve(Payment& payment, const PaymentEvent& event) {
    if (!event.reason.empty()) payment.reason = event.reason;
    switch (event.type) {
        case PaymentType::requested:
            payment.status = Is::requested;
            payment.user_id = event.user_id;
            payment.amount = event.amount;
            payment.method = event.method;
            payment.requested_at = event.at;
            break;
        case PaymentType::completed:
            payment.status = Is::completed;
            break;
        case PaymentType::failed:
            payment.status = Is::failed;
            break;
        case PaymentType::cancelled:
            payment.status = payment.status == Is::none ? Is::barred : Is::cancelling;
            payment.cancelled_at = event.at;
            break;
        case PaymentType::refunded:
            payment.status = Is::refunded;
            break;
    }
}

event::Draft make_draft(const PaymentEvent& event, std::string_view event_id, std::string_view user_id) {
    const auto json = to_json(event);
    return event::Event::make({.category = &payment_category,
                               .type = static_cast<std::uint8_t>(event.type),
                               .stream_id = domain::inside(json, event.order_id),
                               .id = event_id,
                               .subject = user_id,
                               .json = json});
}

result<PaymentEvent> decode_payment(PaymentType type, std::string_view body) {
    auto event = from_json<PaymentEvent>(std::string{"{"}.append(body));
    if (!event) return fail(errc::unreadable, event.error().field, event.error().detail);
    event->type = type;
    return event;
}

result<void> check_stored_payment(const event::Event& draft) {
    std::string scratch;
    const auto body = payment_as_written.body(draft, scratch);
    if (!body) return tl::unexpected{body.error()};
    const auto read = decode_payment(static_cast<PaymentType>(draft.type_index()), *body);
    if (!read) return tl::unexpected{read.error()};
    if (read->order_id != draft.stream_id())
        return fail(errc::unreadable, "orderId", "is another than that of the stream");
    return {};
}

std::string encode_payment(std::string_view order_id, const Payment& payment, event::Version version) {
    std::string out;
    domain::Object whole{out};
    whole.text("orderId", order_id)
        .text("status", payment_status_names[static_cast<std::size_t>(payment.status)])
        .maybe("userId", payment.user_id)
        .number("amount", payment.amount)
        .maybe("paymentMethod", payment.method)
        .maybe("reason", payment.reason)
        .number("version", version)
        .end();
    return out;
}

void PaymentAggregate::evolve(const event::Event& event, std::string_view body) {
    const auto read = decode_payment(static_cast<PaymentType>(event.type_index()), body);
    if (read)
        shop::evolve(payment_, *read);
    else
        broken_ = true;
}

flow::AggregateKind payment_kind() {
    return {.category = &payment_category, .upcasters = &payment_as_written, .make = [] {
                return std::make_unique<PaymentAggregate>();
            }};
}

}  // namespace stepcast::shop

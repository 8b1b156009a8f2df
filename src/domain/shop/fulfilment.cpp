#include "domain/shop/fulfilment.hpp"

namespace stepcast::shop {
namespace {

using flow::SagaMove;

const event::Upcasters fulfilment_as_written;  // no type has ever changed

}  // namespace

void evolve(Fulfilment& fulfilment, const FulfilmentEvent& event) {
    flow::apply(fulfilment.saga, event.move, event.at, static_cast<std::size_t>(event.step));
    fulfilment.updated_at = event.at;
    if (event.move == SagaMove::begun)
        fulfilment.order = {.order_id = event.order_id,
                            .user_id = event.user_id,
                            .items = event.items,
                            .total_amount = event.total_amount,
                            .payment_method = event.payment_method};
    // Why it turned back is told again once it goes on with that.
    if (!event.reason.empty()) fulfilment.reason = event.reason;
}

event::Draft make_draft(const FulfilmentEvent& event, std::string_view event_id, std::string_view user_id) {
    const auto json = to_json(event);
    return event::Event::make({.category = &fulfilment_category,
                               .type = static_cast<std::uint8_t>(event.move),
                               .stream_id = domain::inside(json, event.order_id),
                               .id = event_id,
                               .subject = user_id,
                               .json = json});
}

result<FulfilmentEvent> decode_fulfilment(SagaMove move, std::string_view body) {
    auto event = from_json<FulfilmentEvent>(std::string{"{"}.append(body));
    if (!event) return fail(errc::unreadable, event.error().field, event.error().detail);
    event->move = move;
    if (move == SagaMove::begun && event->user_id.empty())
        return fail(errc::unreadable, "userId", "is missing");
    return event;
}

result<void> check_stored_fulfilment(const event::Event& draft) {
    std::string scratch;
    const auto body = fulfilment_as_written.body(draft, scratch);
    if (!body) return tl::unexpected{body.error()};
    const auto read = decode_fulfilment(static_cast<SagaMove>(draft.type_index()), *body);
    if (!read) return tl::unexpected{read.error()};
    if (read->order_id != draft.stream_id())
        return fail(errc::unreadable, "orderId", "is another than that of the stream");
    return {};
}

std::string encode_fulfilment(std::string_view order_id, const Fulfilment& fulfilment,
                              event::Version version) {
    std::string out;
    domain::Object whole{out};
    whole.text("orderId", order_id)
        .text("status", flow::name_of(fulfilment.saga.status))
        .number("step", fulfilment.saga.step)
        .maybe("reason", fulfilment.reason)
        .number("version", version)
        .time("updatedAt", fulfilment.updated_at)
        .end();
    return out;
}

void FulfilmentAggregate::evolve(const event::Event& event, std::string_view body) {
    const auto read = decode_fulfilment(static_cast<SagaMove>(event.type_index()), body);
    if (read)
        shop::evolve(fulfilment_, *read);
    else
        broken_ = true;
}

flow::AggregateKind fulfilment_kind() {
    return {.category = &fulfilment_category, .upcasters = &fulfilment_as_written, .make = [] {
                return std::make_unique<FulfilmentAggregate>();
            }};
}

}  // namespace stepcast::shop

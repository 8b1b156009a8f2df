#include "app/config/check.hpp"
#include "app/config/keys.hpp"

namespace stepcast::app {
namespace {

// Milliseconds.
constexpr std::int64_t one_second = 1'000;
constexpr std::int64_t one_hour = 3600 * one_second;
constexpr std::int64_t one_year = 365 * 24 * one_hour;

#define FIELD(member) [](Config& c) -> Field { return &c.member; }

}  // namespace

std::vector<Key> shop_keys() {
    return {
        {"shop.enabled", "Serve the shop.", FIELD(shop.enabled)},
        {"shop.services",
         "Its services that run in this process; with bus.kind = \"kafka\" the others may run in other ones, "
         "each "
         "with a journal of its own.",
         FIELD(shop.services),
         0,
         0,
         {},
         false,
         check_shop_service},
        {"shop.saga",
         "How new orders go through the services: choreography (each follows the one before: stock, payment, "
         "shipment) or orchestration (the order service commands: payment, stock, shipment).",
         FIELD(shop.saga),
         0,
         0,
         {"choreography", "orchestration"}},
        {"shop.step_timeout",
         "An order that is not paid after this is cancelled; with orchestration, one of whose steps there is "
         "no answer, or whose first step has not ended after twice this.",
         FIELD(shop.step_timeout), one_second, 24 * one_hour},
        {"shop.compensation_timeout",
         "A refund that takes longer is told as overdue; with orchestration, an order's saga is stuck once a "
         "step was not "
         "undone for this long.",
         FIELD(shop.compensation_timeout), one_second, one_year},
        {"shop.payment_timeout",
         "How long an answer of the payment provider is waited for; then the order is cancelled and whatever "
         "was taken goes back.",
         FIELD(shop.payment_timeout), 30, one_hour},
        {"shop.payment_url",
         "The payment provider: POST to /charges and /refunds below this URL, with an Idempotency-Key; "
         "empty: "
         "a simulator.",
         FIELD(shop.payment_url),
         0,
         2048,
         {},
         false,
         check_base_url},
        {"shop.payments_at_once",
         "Charges, and refunds, that are asked of shop.payment_url at a time; more wait.",
         FIELD(shop.payments_at_once), 1, 10'000},
        {"shop.circuit_failures",
         "So many charges in a row (or refunds) without an answer of shop.payment_url open the circuit: no "
         "more are asked for.",
         FIELD(shop.circuit_failures), 1, 1'000'000},
        {"shop.circuit_open_for",
         "How long an open circuit puts them off; then one is tried, whose answer closes it.",
         FIELD(shop.circuit_open_for), 100, one_hour},
        {"shop.ship_after",
         "An order is shipped this long after it is confirmed; until then it can be cancelled.",
         FIELD(shop.ship_after), 0, one_year},
    };
}
#undef FIELD

}  // namespace stepcast::app

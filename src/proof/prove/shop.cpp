#include "proof/prove/shop.hpp"

#include <fmt/format.h>

#include <array>

#include "aio/notice.hpp"
#include "proof/load/loop.hpp"
#include "proof/prove/answer_fields.hpp"

namespace stepcast::proof {
namespace {

using aio::awaitable;

constexpr std::uint32_t customers = 16;
constexpr std::int64_t products = 10;  // and behind them one of which there is little
constexpr std::int64_t plenty = 100'000;
constexpr std::int64_t scarce = 20;
// The empty one is any moment.
constexpr std::array<std::string_view, 7> moments{
    "", "after-consume", "after-decide", "after-commit", "before-publish", "after-publish", "before-offset"};

/// How an order is paid: so many of a hundred.
struct PaymentShare {
    std::uint64_t below;
    std::string_view method;
};
constexpr std::array<PaymentShare, 5> methods{
    {{66, "CARD"}, {78, "TEST_DECLINE"}, {86, "TEST_LOST_REPLY"}, {90, "TEST_TIMEOUT"}, {100, "TEST_SLOW"}}};
// How long a customer who cancels has waited, in milliseconds: before, during and after the payment.
constexpr std::array<std::uint64_t, 4> second_thoughts{0, 5, 50, 600};

}  // namespace

ShopProof::ShopProof(const ProveOptions& options, ProveTarget target, std::string folder)
    : options_{options}, siege_{options, std::move(target), std::move(folder), moments} {}

ShopVerdict ShopProof::carry_out() {
    siege_.carry_out([this] { return direct(); });
    verdict_.kills = siege_.kills();
    verdict_.repeats = siege_.repeats();
    verdict_.failures = siege_.failures();
    return std::move(verdict_);
}

awaitable<void> ShopProof::direct() {
    if (!co_await siege_.begin() || !co_await fill_shelves()) co_return;
    co_await siege_.attack(customers, [this](std::uint32_t number) { return visit(number); });
    if (siege_.clean()) co_await audit();
}

awaitable<bool> ShopProof::fill_shelves() {
    client::HttpClient http{co_await asio::this_coro::executor, siege_.server()};
    for (std::int64_t id = 1; id <= products + 1; ++id) {
        const auto stock = id <= products ? plenty : scarce;
        const auto answer = co_await siege_.ask(
            http, "PUT", fmt::format("/api/products/{}", id),
            fmt::format(R"({{"name":"product {}","price":{},"stock":{}}})", id, id * 100, stock));
        if (!answer || answer->status != 200) {
            siege_.fail_with("a product could not be set: " + (answer ? answer->body : std::string{}));
            co_return false;
        }
        verdict_.put_in += stock;
    }
    co_return true;
}

awaitable<void> ShopProof::visit(std::uint32_t customer) {
    client::HttpClient http{co_await asio::this_coro::executor, siege_.server()};
    const auto pause = std::chrono::microseconds{1'000'000ull * customers / options_.rate};
    const auto user = fmt::format("customer-{}", customer);
    for (std::uint32_t turn = 0; !siege_.over(); ++turn) {
        co_await order(http, user, fmt::format("order-{}-{}", customer, turn));
        co_await aio::pause(pause);
    }
}

awaitable<void> ShopProof::order(client::HttpClient& http, const std::string& user, const std::string& key) {
    const auto body = draw_order(user);
    const bool cancels = siege_.draw(0, 7) == 0;
    const auto waits = second_thoughts[siege_.draw(0, second_thoughts.size() - 1)];
    const auto repeats = siege_.repeats();
    const auto asked_at = now_ns();
    const auto answer = co_await siege_.ask(http, "POST", "/api/orders", body, key);
    if (!answer) co_return;
    const auto told = parsed(answer->body);
    if (answer->status != 202 || !told.is_object()) {
        siege_.fail_with(fmt::format("{} was answered {}: {}", key, answer->status, answer->body));
        co_return;
    }
    if (siege_.repeats() == repeats) verdict_.acceptance.add(now_ns() - asked_at);
    placed_.push_back({key, member_text(told.get_object(), "orderId"), user});
    ++verdict_.accepted;
    if (!cancels) co_return;
    const auto id = placed_.back().id;
    co_await aio::pause(std::chrono::milliseconds{waits});
    co_await cancel(http, id);
}

awaitable<void> ShopProof::cancel(client::HttpClient& http, const std::string& id) {
    const auto answer = co_await siege_.ask(http, "POST", fmt::format("/api/orders/{}/cancel", id));
    if (!answer) co_return;
    ++verdict_.cancels;
    if (answer->status != 202 && answer->status != 409)
        siege_.fail_with(
            fmt::format("the cancel of {} was answered {}: {}", id, answer->status, answer->body));
}

std::string ShopProof::draw_order(const std::string& user) {
    const auto first =
        siege_.draw(0, 11) == 0 ? products + 1 : static_cast<std::int64_t>(siege_.draw(1, products));
    const auto second = static_cast<std::int64_t>(siege_.draw(1, products));
    const auto share = siege_.draw(0, 99);
    std::string_view method;
    for (const auto& one : methods)
        if (method.empty() && share < one.below) method = one.method;
    return fmt::format(
        R"({{"userId":"{}","paymentMethod":"{}","orderItems":[{{"productId":{},"quantity":{}}},{{"productId":{},"quantity":1}}]}})",
        user, method, first, siege_.draw(1, 3), second);
}

}  // namespace stepcast::proof

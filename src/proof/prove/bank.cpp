#include "proof/prove/bank.hpp"

#include <fmt/format.h>

#include <array>

#include "aio/notice.hpp"
#include "proof/load/loop.hpp"
#include "proof/prove/answer_fields.hpp"

namespace stepcast::proof {
namespace {

using aio::awaitable;

constexpr std::uint32_t accounts = 20;
constexpr std::uint32_t workers = 16;
constexpr std::int64_t first_balance = 1000;
// The empty one is any moment.
constexpr std::array<std::string_view, 5> points{"", "after-decide", "after-commit", "before-publish",
                                                 "after-publish"};

}  // namespace

BankProof::BankProof(const ProveOptions& options, ProveTarget target, std::string folder)
    : options_{options}, siege_{options, std::move(target), std::move(folder), points} {}

BankVerdict BankProof::carry_out() {
    siege_.carry_out([this] { return direct(); });
    verdict_.kills = siege_.kills();
    verdict_.repeats = siege_.repeats();
    verdict_.failures = siege_.failures();
    return std::move(verdict_);
}

awaitable<void> BankProof::direct() {
    if (!co_await siege_.begin() || !co_await create_accounts()) co_return;
    co_await siege_.attack(workers, [this](std::uint32_t number) { return work(number); });
    if (siege_.clean()) co_await audit();
}

awaitable<bool> BankProof::create_accounts() {
    client::HttpClient http{co_await asio::this_coro::executor, siege_.server()};
    for (std::uint32_t i = 0; i < accounts; ++i) {
        accounts_.push_back({fmt::format("account-{}", i), {}});
        const auto answer = co_await http.post(
            "/api/accounts", fmt::format(R"({{"accountId":"{}","owner":"Kim","initialBalance":{}}})",
                                         accounts_.back().id, first_balance));
        if (!answer || answer->status != 201) {
            siege_.fail_with("an account could not be created: " +
                             (answer ? answer->body : answer.error().text()));
            co_return false;
        }
        verdict_.put_in += first_balance;
    }
    co_return true;
}

awaitable<void> BankProof::work(std::uint32_t number) {
    client::HttpClient http{co_await asio::this_coro::executor, siege_.server()};
    const auto pause = std::chrono::microseconds{1'000'000ull * workers / options_.rate};
    for (std::uint32_t turn = 0; !siege_.over(); ++turn) {
        if (siege_.draw(0, 9) < 4)
            co_await pay(http, fmt::format("call-{}-{}", number, turn));
        else
            co_await transfer(http, fmt::format("transfer-{}-{}", number, turn));
        co_await aio::pause(pause);
    }
}

awaitable<void> BankProof::pay(client::HttpClient& http, const std::string& key) {
    auto& account = accounts_[siege_.draw(0, accounts - 1)];
    const bool draws = siege_.draw(0, 1) == 0;
    const auto amount = static_cast<std::int64_t>(siege_.draw(1, 100));
    BankCall call{.key = key, .asked_at = now_ns()};
    const auto answer = co_await siege_.ask(
        http, "POST", fmt::format("/api/accounts/{}/{}", account.id, draws ? "withdrawals" : "deposits"),
        fmt::format(R"({{"amount":{},"{}":"{}"}})", amount, draws ? "purpose" : "source", key), key);
    if (!answer) co_return;
    call.answered_at = now_ns();
    if (draws && answer->status == 409) {
        ++verdict_.refused;
        co_return;
    }
    const auto body = parsed(answer->body);
    const auto* told = body.if_object();
    if (answer->status != 200 || told == nullptr || !told->contains("version") ||
        !told->contains("newBalance")) {
        siege_.fail_with(fmt::format("call {} was answered {}: {}", key, answer->status, answer->body));
        co_return;
    }
    call.version = told->at("version").to_number<std::uint64_t>();
    call.balance = told->at("newBalance").to_number<std::int64_t>();
    account.calls.push_back(std::move(call));
    ++verdict_.calls;
    verdict_.put_in += draws ? -amount : amount;
}

awaitable<void> BankProof::transfer(client::HttpClient& http, const std::string& id) {
    const auto from = siege_.draw(0, accounts - 1);
    const auto to = (from + siege_.draw(1, accounts - 1)) % accounts;
    const auto answer =
        co_await siege_.ask(http, "POST", "/api/transfers",
                            fmt::format(R"({{"transferId":"{}","from":"{}","to":"{}","amount":{}}})", id,
                                        accounts_[from].id, accounts_[to].id, siege_.draw(1, 200)));
    if (!answer) co_return;
    if (answer->status != 202)
        siege_.fail_with(fmt::format("{} was answered {}: {}", id, answer->status, answer->body));
    transfers_.push_back(id);
    ++verdict_.transfers;
}

}  // namespace stepcast::proof

#include "proof/prove/bank.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <boost/json.hpp>

#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "proof/load/loop.hpp"

namespace stepcast::proof {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

constexpr std::uint32_t accounts = 20;
constexpr std::uint32_t workers = 16;
constexpr std::int64_t first_balance = 1000;
constexpr std::uint64_t answer_limit_ns = 60'000'000'000;
constexpr std::uint64_t death_limit_ns = 30'000'000'000;
// The empty one is any moment.
constexpr std::array<std::string_view, 5> points{"", "after-decide", "after-commit", "before-publish",
                                                 "after-publish"};

bool nobody_knows(const result<client::Answer>& answer) {
    if (!answer || answer->status == 429 || answer->status >= 500) return true;
    return answer->status == 409 && answer->body.find("still-running") != std::string::npos;
}

}  // namespace

BankProof::BankProof(const ProveOptions& options, ProveTarget target, std::string folder)
    : options_{options}, target_{std::move(target)}, folder_{std::move(folder)}, random_{options.seed} {}

BankVerdict BankProof::carry_out() {
    aio::spawn(asio::make_strand(context_), "bank", [this] { return direct(); });
    context_.run();
    server_.stop(10'000);
    return std::move(verdict_);
}

awaitable<void> BankProof::direct() {
    if (!start_server("") || !co_await wait_ready() || !co_await create_accounts()) co_return;
    const auto strand = co_await asio::this_coro::executor;
    for (; working_ < workers; ++working_)
        aio::spawn(strand, "client", [this, number = working_] { return work(number); });
    co_await kill_rounds();
    over_ = true;
    while (working_ > 0) co_await aio::pause(5ms);
    if (verdict_.failures.empty()) co_await audit();
}

awaitable<bool> BankProof::create_accounts() {
    client::HttpClient http{co_await asio::this_coro::executor, target_.posts};
    for (std::uint32_t i = 0; i < accounts; ++i) {
        accounts_.push_back({fmt::format("account-{}", i), {}});
        const auto answer = co_await http.post(
            "/api/accounts", fmt::format(R"({{"accountId":"{}","owner":"Kim","initialBalance":{}}})",
                                         accounts_.back().id, first_balance));
        if (!answer || answer->status != 201) {
            fail_with("an account could not be created: " + (answer ? answer->body : answer.error().text()));
            co_return false;
        }
        verdict_.put_in += first_balance;
    }
    co_return true;
}

awaitable<void> BankProof::kill_rounds() {
    for (std::uint32_t round = 0; round < options_.kills && verdict_.failures.empty(); ++round) {
        const auto point = points[round % points.size()];
        if (round > 0 || !point.empty()) {
            if (server_.running()) server_.stop(0);
            if (!start_server(point.empty() ? "" : fmt::format("{}:{}", point, draw(2, 60)))) co_return;
        }
        if (point.empty())
            co_await kill_at_random();
        else
            co_await die_at(point);
        ++verdict_.kills;
    }
    if (!server_.running()) start_server("");
    co_await wait_ready();
}

awaitable<void> BankProof::kill_at_random() {
    if (!co_await wait_ready()) co_return;
    co_await aio::pause(std::chrono::milliseconds{draw(20, 600)});
    server_.signal(SIGKILL);
    while (!server_.poll()) co_await aio::pause(1ms);
}

awaitable<void> BankProof::die_at(std::string_view point) {
    const auto deadline = now_ns() + death_limit_ns;
    while (!server_.poll() && now_ns() < deadline) co_await aio::pause(2ms);
    if (server_.running()) fail_with(fmt::format("the server never came by {}", point));
    if (const auto code = server_.poll(); code && *code != 128 + SIGKILL)
        fail_with(fmt::format("the server ended by itself, code {}: {}/server.log", *code, folder_));
}

bool BankProof::start_server(const std::string& kill_at) {
    // Children inherit none of our own variables.
    std::vector<std::string> command{"/usr/bin/env", "STEPCAST_KILL_AT=" + kill_at};
    command.insert(command.end(), target_.command.begin(), target_.command.end());
    auto started = Child::start(command, folder_, folder_ + "/server.log");
    if (!started) {
        fail_with(started.error().text());
        return false;
    }
    server_ = std::move(*started);
    return true;
}

awaitable<bool> BankProof::wait_ready() {
    client::HttpClient http{co_await asio::this_coro::executor, target_.posts};
    for (const auto deadline = now_ns() + answer_limit_ns; now_ns() < deadline;) {
        if (const auto answer = co_await http.get(target_.ready); answer && answer->status == 200)
            co_return true;
        if (const auto code = server_.poll()) {
            fail_with(fmt::format("the server ended by itself, code {}: {}/server.log", *code, folder_));
            co_return false;
        }
        co_await aio::pause(10ms);
    }
    fail_with("the server was not ready within a minute");
    co_return false;
}

awaitable<void> BankProof::work(std::uint32_t number) {
    client::HttpClient http{co_await asio::this_coro::executor, target_.posts};
    const auto pause = std::chrono::microseconds{1'000'000ull * workers / options_.rate};
    for (std::uint32_t turn = 0; !over_ && verdict_.failures.empty(); ++turn) {
        if (draw(0, 9) < 4)
            co_await pay(http, fmt::format("call-{}-{}", number, turn));
        else
            co_await transfer(http, fmt::format("transfer-{}-{}", number, turn));
        co_await aio::pause(pause);
    }
    --working_;
}

awaitable<void> BankProof::pay(client::HttpClient& http, const std::string& key) {
    auto& account = accounts_[draw(0, accounts - 1)];
    const bool draws = draw(0, 1) == 0;
    const auto amount = static_cast<std::int64_t>(draw(1, 100));
    BankCall call{.key = key, .asked_at = now_ns()};
    const auto answer = co_await ask(
        http, fmt::format("/api/accounts/{}/{}", account.id, draws ? "withdrawals" : "deposits"),
        fmt::format(R"({{"amount":{},"{}":"{}"}})", amount, draws ? "purpose" : "source", key), key);
    if (!answer) co_return;
    call.answered_at = now_ns();
    if (draws && answer->status == 409) {
        ++verdict_.refused;
        co_return;
    }
    boost::json::error_code error;
    const auto body = boost::json::parse(answer->body, error);
    const auto* told = body.if_object();
    if (answer->status != 200 || told == nullptr || !told->contains("version") ||
        !told->contains("newBalance")) {
        fail_with(fmt::format("call {} was answered {}: {}", key, answer->status, answer->body));
        co_return;
    }
    call.version = told->at("version").to_number<std::uint64_t>();
    call.balance = told->at("newBalance").to_number<std::int64_t>();
    account.calls.push_back(std::move(call));
    ++verdict_.calls;
    verdict_.put_in += draws ? -amount : amount;
}

awaitable<void> BankProof::transfer(client::HttpClient& http, const std::string& id) {
    const auto from = draw(0, accounts - 1);
    const auto to = (from + draw(1, accounts - 1)) % accounts;
    const auto answer = co_await ask(http, "/api/transfers",
                                     fmt::format(R"({{"transferId":"{}","from":"{}","to":"{}","amount":{}}})",
                                                 id, accounts_[from].id, accounts_[to].id, draw(1, 200)),
                                     {});
    if (!answer) co_return;
    if (answer->status != 202)
        fail_with(fmt::format("{} was answered {}: {}", id, answer->status, answer->body));
    transfers_.push_back(id);
    ++verdict_.transfers;
}

awaitable<std::optional<client::Answer>> BankProof::ask(client::HttpClient& http, std::string target,
                                                        std::string body, std::string key) {
    client::Headers headers;
    if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
    for (const auto deadline = now_ns() + answer_limit_ns; now_ns() < deadline;) {
        auto answer = co_await http.post(target, body, "application/json", headers);
        if (!nobody_knows(answer)) co_return std::move(*answer);
        ++verdict_.repeats;
        if (!verdict_.failures.empty()) co_return std::nullopt;
        co_await aio::pause(20ms);
    }
    fail_with(fmt::format("{} {} was not answered within a minute", target, body));
    co_return std::nullopt;
}

void BankProof::fail_with(std::string why) {
    if (verdict_.failures.size() < 20) verdict_.failures.push_back(std::move(why));
}

// No distribution of the standard library, so a seed draws the same everywhere.
std::uint64_t BankProof::draw(std::uint64_t low, std::uint64_t high) {
    return low + random_() % (high - low + 1);
}

}  // namespace stepcast::proof

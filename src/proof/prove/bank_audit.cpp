#include <fmt/format.h>

#include "aio/notice.hpp"
#include "proof/load/loop.hpp"
#include "proof/prove/answer_fields.hpp"
#include "proof/prove/bank.hpp"

namespace stepcast::proof {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;
namespace json = boost::json;

constexpr std::uint64_t end_limit_ns = 60'000'000'000;
constexpr std::size_t page_size = 1000;
// Of a call of ours, which the event tells as its source or purpose.
constexpr std::string_view key_prefix = "call-";

BankEvent event_of(const json::object& listed) {
    const auto& data = member_object(listed, "data");
    const auto type = member_text(listed, "eventType");
    const auto sign = type == "MONEY_WITHDRAWN" ? -1 : 1;
    BankEvent event{.id = member_text(listed, "eventId"),
                    .version = static_cast<std::uint64_t>(member_number(listed, "version")),
                    .change = sign * (member_number(data, "amount") + member_number(data, "initialBalance"))};
    for (const auto* name : {"source", "purpose"})
        if (auto note = member_text(data, name); note.starts_with(key_prefix)) event.key = std::move(note);
    return event;
}

}  // namespace

awaitable<void> BankProof::audit() {
    client::HttpClient http{co_await asio::this_coro::executor, siege_.server()};
    for (const auto& id : transfers_) {
        co_await audit_transfer(http, id);
        co_await siege_.check_task(http, id);
    }
    for (const auto& account : accounts_) co_await audit_account(http, account);
    co_await siege_.check_outbox(http);
    if (verdict_.sum != verdict_.put_in)
        siege_.fail_with(fmt::format("{} won are there, {} were put in", verdict_.sum, verdict_.put_in));
}

awaitable<void> BankProof::audit_transfer(client::HttpClient& http, const std::string& id) {
    std::string status;
    for (const auto deadline = now_ns() + end_limit_ns; now_ns() < deadline && siege_.clean();) {
        const auto answer = co_await http.get("/api/transfers/" + id);
        const auto body = answer ? parsed(answer->body) : json::value{};
        status = body.is_object() ? member_text(body.get_object(), "status") : std::string{};
        verdict_.completed += status == "COMPLETED" ? 1 : 0;
        verdict_.refunded += status == "REFUNDED" ? 1 : 0;
        if (status == "COMPLETED" || status == "REFUNDED") co_return;
        if (status == "STUCK") break;
        co_await aio::pause(20ms);
    }
    siege_.fail_with(fmt::format("{} has not ended: {}", id, status));
}

awaitable<void> BankProof::audit_account(client::HttpClient& http, const Account& account) {
    const auto events = co_await list_events(http, account.id);
    for (auto& fault : faults_of_account(account.id, account.calls, events))
        siege_.fail_with(std::move(fault));
    std::int64_t folded = 0;
    for (const auto& event : events) folded += event.change;
    const auto answer = co_await http.get("/api/accounts/" + account.id);
    const auto body = answer ? parsed(answer->body) : json::value{};
    const auto balance = body.is_object() ? member_number(body.get_object(), "balance") : -1;
    if (balance != folded)
        siege_.fail_with(fmt::format("{} has {}, its events come to {}", account.id, balance, folded));
    verdict_.sum += balance;
}

awaitable<std::vector<BankEvent>> BankProof::list_events(client::HttpClient& http,
                                                         const std::string& account) {
    std::vector<BankEvent> events;
    for (std::size_t listed = page_size; listed == page_size;) {
        const auto answer = co_await http.get(
            fmt::format("/api/accounts/{}/events?from={}&limit={}", account, events.size() + 1, page_size));
        const auto body = answer ? parsed(answer->body) : json::value{};
        if (!body.is_array()) {
            // Beyond the last event there is no page.
            if (!answer || answer->status != 404) siege_.fail_with(account + ": its events cannot be read");
            break;
        }
        listed = body.get_array().size();
        for (const auto* event : objects_of(body)) events.push_back(event_of(*event));
    }
    co_return events;
}

}  // namespace stepcast::proof

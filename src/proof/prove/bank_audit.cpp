#include <fmt/format.h>

#include <boost/json.hpp>
#include <set>

#include "aio/notice.hpp"
#include "proof/load/loop.hpp"
#include "proof/load/server_probe.hpp"
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

std::string member_text(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

std::int64_t number_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

json::value parsed(const std::string& text) {
    json::error_code error;
    auto value = json::parse(text, error);
    return error ? json::value{} : value;
}

BankEvent event_of(const json::object& listed) {
    static const json::object none;
    const auto* inner = listed.if_contains("data");
    const auto& data = inner != nullptr && inner->is_object() ? inner->get_object() : none;
    const auto type = member_text(listed, "eventType");
    const auto sign = type == "MONEY_WITHDRAWN" ? -1 : 1;
    BankEvent event{.id = member_text(listed, "eventId"),
                    .version = static_cast<std::uint64_t>(number_of(listed, "version")),
                    .change = sign * (number_of(data, "amount") + number_of(data, "initialBalance"))};
    for (const auto* name : {"source", "purpose"})
        if (auto note = member_text(data, name); note.starts_with(key_prefix)) event.key = std::move(note);
    return event;
}

}  // namespace

awaitable<void> BankProof::audit() {
    client::HttpClient http{co_await asio::this_coro::executor, target_.posts};
    for (const auto& id : transfers_) {
        co_await audit_transfer(http, id);
        co_await audit_task(http, id);
    }
    for (const auto& account : accounts_) co_await audit_account(http, account);
    co_await audit_outbox(http);
    if (verdict_.sum != verdict_.put_in)
        fail_with(fmt::format("{} won are there, {} were put in", verdict_.sum, verdict_.put_in));
}

awaitable<void> BankProof::audit_transfer(client::HttpClient& http, const std::string& id) {
    std::string status;
    for (const auto deadline = now_ns() + end_limit_ns; now_ns() < deadline && verdict_.failures.empty();) {
        const auto answer = co_await http.get("/api/transfers/" + id);
        const auto body = answer ? parsed(answer->body) : json::value{};
        status = body.is_object() ? member_text(body.get_object(), "status") : std::string{};
        verdict_.completed += status == "COMPLETED" ? 1 : 0;
        verdict_.refunded += status == "REFUNDED" ? 1 : 0;
        if (status == "COMPLETED" || status == "REFUNDED") co_return;
        if (status == "STUCK") break;
        co_await aio::pause(20ms);
    }
    fail_with(fmt::format("{} has not ended: {}", id, status));
}

// What the outbox told: every event of it once, to the end.
awaitable<void> BankProof::audit_task(client::HttpClient& http, const std::string& id) {
    std::string last;
    for (const auto deadline = now_ns() + end_limit_ns; now_ns() < deadline && verdict_.failures.empty();) {
        const auto answer = co_await http.get("/api/v2/progress/history/" + id);
        const auto body = answer ? parsed(answer->body) : json::value{};
        if (body.is_array()) {
            std::set<std::string> ids;
            for (const auto& event : body.get_array()) {
                if (!event.is_object()) continue;
                last = member_text(event.get_object(), "eventType");
                if (!ids.insert(member_text(event.get_object(), "eventId")).second)
                    fail_with(fmt::format("the task {} has an event twice", id));
            }
            if (last == "COMPLETED" || last == "FAILED") co_return;
        }
        co_await aio::pause(20ms);
    }
    fail_with(fmt::format("the task {} was told nothing behind {}", id, last));
}

awaitable<void> BankProof::audit_outbox(client::HttpClient& http) {
    double owed = 1;
    for (const auto deadline = now_ns() + end_limit_ns; owed > 0 && now_ns() < deadline;) {
        if (const auto answer = co_await http.get("/metrics"); answer && answer->ok())
            owed = metric(answer->body, "stepcast_outbox_pending");
        if (owed > 0) co_await aio::pause(50ms);
    }
    if (owed > 0) fail_with(fmt::format("{} messages are still owed", owed));
}

awaitable<void> BankProof::audit_account(client::HttpClient& http, const Account& account) {
    const auto events = co_await list_events(http, account.id);
    for (auto& fault : faults_of_account(account.id, account.calls, events)) fail_with(std::move(fault));
    std::int64_t folded = 0;
    for (const auto& event : events) folded += event.change;
    const auto answer = co_await http.get("/api/accounts/" + account.id);
    const auto body = answer ? parsed(answer->body) : json::value{};
    const auto balance = body.is_object() ? number_of(body.get_object(), "balance") : -1;
    if (balance != folded)
        fail_with(fmt::format("{} has {}, its events come to {}", account.id, balance, folded));
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
            if (!answer || answer->status != 404) fail_with(account + ": its events cannot be read");
            break;
        }
        listed = body.get_array().size();
        for (const auto& event : body.get_array())
            if (event.is_object()) events.push_back(event_of(event.get_object()));
    }
    co_return events;
}

}  // namespace stepcast::proof

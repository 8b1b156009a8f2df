#include "proof/prove/siege.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <ostream>
#include <set>

#include "aio/notice.hpp"
#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "proof/load/loop.hpp"
#include "proof/load/server_probe.hpp"
#include "proof/prove/answer_fields.hpp"

namespace stepcast::proof {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

constexpr int siege_usage_error = 2;
constexpr std::uint64_t answer_limit_ns = 60'000'000'000;
constexpr std::uint64_t death_limit_ns = 30'000'000'000;
constexpr std::uint64_t siege_limit_ns = 60'000'000'000;
constexpr std::size_t most_failures = 20;

bool nobody_knows(const result<client::Answer>& answer) {
    if (!answer || answer->status == 429 || answer->status >= 500) return true;
    return answer->status == 409 && answer->body.find("still-running") != std::string::npos;
}

int complain_of(std::string_view name, const std::string& what) {
    fmt::print(stderr, "stepcast prove --{}: {}\n", name, what);
    return siege_usage_error;
}

}  // namespace

Siege::Siege(const ProveOptions& options, ProveTarget target, std::string folder,
             std::span<const std::string_view> points)
    : options_{options},
      target_{std::move(target)},
      folder_{std::move(folder)},
      points_{points},
      random_{options.seed} {}

void Siege::carry_out(std::function<awaitable<void>()> direct) {
    aio::spawn(asio::make_strand(context_), "siege", std::move(direct));
    context_.run();
    server_.stop(10'000);
}

awaitable<bool> Siege::begin() {
    co_return start_server("") && co_await wait_ready();
}

awaitable<void> Siege::attack(std::uint32_t workers,
                              std::function<awaitable<void>(std::uint32_t number)> work) {
    const auto strand = co_await asio::this_coro::executor;
    for (; working_ < workers; ++working_)
        aio::spawn(strand, "client", [this, &work, number = working_]() -> awaitable<void> {
            co_await work(number);
            --working_;
        });
    co_await kill_rounds();
    over_ = true;
    while (working_ > 0) co_await aio::pause(5ms);
}

awaitable<void> Siege::kill_rounds() {
    for (std::uint32_t round = 0; round < options_.kills && clean(); ++round) {
        const auto point = points_[round % points_.size()];
        if (round > 0 || !point.empty()) {
            if (server_.running()) server_.stop(0);
            if (!start_server(point.empty() ? "" : fmt::format("{}:{}", point, draw(2, 60)))) co_return;
        }
        if (point.empty())
            co_await kill_at_random();
        else
            co_await die_at(point);
        ++kills_;
    }
    if (!server_.running()) start_server("");
    co_await wait_ready();
}

awaitable<void> Siege::kill_at_random() {
    if (!co_await wait_ready()) co_return;
    co_await aio::pause(std::chrono::milliseconds{draw(20, 600)});
    server_.signal(SIGKILL);
    while (!server_.poll()) co_await aio::pause(1ms);
}

awaitable<void> Siege::die_at(std::string_view point) {
    const auto deadline = now_ns() + death_limit_ns;
    while (!server_.poll() && now_ns() < deadline) co_await aio::pause(2ms);
    if (server_.running()) fail_with(fmt::format("the server never came by {}", point));
    if (const auto code = server_.poll(); code && *code != 128 + SIGKILL)
        fail_with(fmt::format("the server ended by itself, code {}: {}/server.log", *code, folder_));
}

bool Siege::start_server(const std::string& kill_at) {
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

awaitable<bool> Siege::wait_ready() {
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

awaitable<std::optional<client::Answer>> Siege::ask(client::HttpClient& http, std::string_view method,
                                                    std::string target, std::string body, std::string key) {
    client::Headers headers;
    if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
    for (const auto deadline = now_ns() + answer_limit_ns; now_ns() < deadline;) {
        auto answer = method == "GET" ? co_await http.get(target)
                                      : co_await http.send(method, target, body, "application/json", headers);
        if (!nobody_knows(answer)) co_return std::move(*answer);
        ++repeats_;
        if (!clean()) co_return std::nullopt;
        co_await aio::pause(20ms);
    }
    fail_with(fmt::format("{} {} was not answered within a minute", target, body));
    co_return std::nullopt;
}

awaitable<void> Siege::check_task(client::HttpClient& http, const std::string& id) {
    std::string last;
    for (const auto deadline = now_ns() + siege_limit_ns; now_ns() < deadline && clean();) {
        const auto answer = co_await http.get("/api/v2/progress/history/" + id);
        const auto body = answer ? parsed(answer->body) : boost::json::value{};
        std::set<std::string> ids;
        for (const auto* event : objects_of(body)) {
            last = member_text(*event, "eventType");
            if (!ids.insert(member_text(*event, "eventId")).second)
                fail_with(fmt::format("the task {} has an event twice", id));
        }
        if (last == "COMPLETED" || last == "FAILED") co_return;
        co_await aio::pause(20ms);
    }
    fail_with(fmt::format("the task {} was told nothing behind {}", id, last));
}

awaitable<void> Siege::check_outbox(client::HttpClient& http) {
    double owed = 1;
    for (const auto deadline = now_ns() + siege_limit_ns; owed > 0 && now_ns() < deadline;) {
        if (const auto answer = co_await http.get("/metrics"); answer && answer->ok())
            owed = metric(answer->body, "stepcast_outbox_pending");
        if (owed > 0) co_await aio::pause(50ms);
    }
    if (owed > 0) fail_with(fmt::format("{} messages are still owed", owed));
}

void Siege::fail_with(std::string why) {
    if (failures_.size() < most_failures) failures_.push_back(std::move(why));
}

// No distribution of the standard library, so a seed draws the same everywhere.
std::uint64_t Siege::draw(std::uint64_t low, std::uint64_t high) {
    return low + random_() % (high - low + 1);
}

int run_siege(
    const ProveOptions& given, std::string_view name, std::span<const std::string_view> settings,
    const std::function<SiegeReport(const ProveOptions&, ProveTarget, std::string, std::string)>& carry_out,
    std::ostream& out) {
    if (given.target != "stepcast" || !given.attach.empty() || given.memory)
        return complain_of(name, "it starts a server of its own, with a journal");
    ProveOptions options = given;
    options.sets.assign(settings.begin(), settings.end());
    // Nothing of what it asks for at the end may have expired.
    options.sets.emplace_back("store.journal_max_bytes=4GiB");
    options.sets.insert(options.sets.end(), given.sets.begin(), given.sets.end());
    auto folder = TemporaryFolder::make(options.keep);
    if (!folder) return complain_of(name, folder.error().detail);
    const auto token = random_token(6);
    auto target = make_target(options, folder->path(), free_port(), token);
    if (!target) return complain_of(name, target.error().text());
    const auto report = carry_out(options, std::move(*target), folder->path(), topic_prefix(options, token));
    out << report.text;
    if (options.keep) fmt::print(stderr, "kept: {}\n", folder->path());
    return report.clean ? 0 : 1;
}

}  // namespace stepcast::proof

#include <fmt/format.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>

#include "aio/spawn.hpp"
#include "client/http_client.hpp"
#include "proof/prove/run.hpp"

namespace stepcast::proof {
namespace {

namespace json = boost::json;

using Answers = std::vector<std::optional<client::Answer>>;

/// What expired at the bound is listed as empty until the next cleanup lets go of the task.
constexpr int most_cleanups = 20;
constexpr auto cleanup_pause = std::chrono::milliseconds{500};

bool is_empty(const std::optional<client::Answer>& answer) {
    return answer && answer->ok() && answer->body == "[]";
}

/// Asks for the tasks whose answer is missing or empty. True if it got them all.
aio::awaitable<bool> ask(client::HttpClient& http, const Ledger& ledger, Answers& answers) {
    for (std::uint32_t task = 0; task < ledger.tasks(); ++task) {
        if (answers[task] && !is_empty(answers[task])) continue;
        auto answer = co_await http.get("/api/v2/progress/history/" + ledger.task_id(task));
        if (!answer) co_return false;  // a server that does not answer has lost the rest
        answers[task] = std::move(*answer);
    }
    co_return true;
}

aio::awaitable<void> ask_all(const client::Url& server, const Ledger& ledger, Answers& answers) {
    client::HttpClient http{co_await asio::this_coro::executor, server};
    asio::steady_timer pause{co_await asio::this_coro::executor};
    for (int i = 0; i < most_cleanups && co_await ask(http, ledger, answers); ++i) {
        if (std::none_of(answers.begin(), answers.end(), is_empty)) co_return;
        pause.expires_after(cleanup_pause);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

std::vector<Seen> listed_events(const std::string& body, const Ledger& ledger, std::uint32_t task,
                                std::uint32_t epoch) {
    std::vector<Seen> out;
    json::error_code error;
    const auto value = json::parse(body, error);
    if (error || !value.is_array()) return out;
    for (const auto& item : value.get_array()) {
        Ledger::Recognised what;
        if (item.is_object()) what = ledger.recognise(item.get_object(), ledger.user_of(task));
        out.push_back({.intact = what.intact && what.task == task && what.version != 0,
                       .task = task,
                       .event = what.event,
                       .epoch = epoch,
                       .version = what.version});
    }
    return out;
}

/// For each task, whether its last event was acknowledged.
std::vector<bool> ended_tasks(const Ledger& ledger) {
    std::vector<bool> out(ledger.tasks());
    for (const auto& entry : ledger.entries()) {
        if (entry.kind == Ledger::Kind::completed && entry.state == Ledger::State::acknowledged)
            out[entry.task] = true;
    }
    return out;
}

char letter(Seen::Kind kind) {
    switch (kind) {
        case Seen::Kind::event:
            return 'e';
        case Seen::Kind::recovery:
            return 'r';
        case Seen::Kind::reset:
            return 'x';
        case Seen::Kind::new_epoch:
            return 'n';
        case Seen::Kind::settled:
            return 's';
    }
    return '?';
}

}  // namespace

std::vector<SubscriberLog> read_back(const ProveTarget& target, const Ledger& ledger, std::uint32_t epoch,
                                     bool may_be_gone, std::uint64_t& gone) {
    Answers answers(ledger.tasks());
    asio::io_context context{1};
    aio::spawn(asio::make_strand(context), "read back",
               [&]() -> aio::awaitable<void> { return ask_all(target.streams, ledger, answers); });
    context.run();

    const auto ended = ended_tasks(ledger);
    std::vector<SubscriberLog> logs;
    for (std::uint32_t task = 0; task < ledger.tasks(); ++task) {
        const auto& answer = answers[task];
        if (answer && answer->status == 404 && may_be_gone && ended[task]) {
            ++gone;
            continue;
        }
        SubscriberLog log{
            .tasks = {task}, .from_start = true, .name = "history of task " + std::to_string(task)};
        if (!answer || !answer->ok())
            log.name += answer ? fmt::format(" (answered {})", answer->status) : std::string{" (no answer)"};
        else
            log.seen = listed_events(answer->body, ledger, task, epoch);
        logs.push_back(std::move(log));
    }
    return logs;
}

std::string log_text(const Ledger& ledger, const std::vector<SubscriberLog>& logs) {
    std::string out;
    const auto to = std::back_inserter(out);
    for (std::size_t i = 0; i < ledger.entries().size(); ++i) {
        const auto& entry = ledger.entries()[i];
        fmt::format_to(to, "p {} task {} step {} state {} attempts {} at {}\n", i, entry.task, entry.step,
                       static_cast<int>(entry.state), entry.attempts, entry.answered_at);
    }
    for (std::size_t who = 0; who < logs.size(); ++who) {
        for (const auto& seen : logs[who].seen) {
            fmt::format_to(to, "{} {} task {} event {} version {} position {} epoch {} intact {} at {}\n",
                           letter(seen.kind), who, seen.task, seen.event, seen.version, seen.position,
                           seen.epoch, seen.intact, seen.at);
        }
    }
    return out;
}

}  // namespace stepcast::proof

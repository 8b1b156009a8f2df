#include "domain/rebuild.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <array>
#include <chrono>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "base/error_category.hpp"
#include "base/random.hpp"
#include "domain/object.hpp"
#include "domain/schemas.hpp"
#include "http/answers.hpp"

namespace stepcast::domain {
namespace {

using aio::awaitable;
using http::Request;
using http::Response;

constexpr std::size_t page_events = 256;
constexpr std::size_t slice_entries = 1'000;
constexpr int folded_percent = 90;  // what is left is comparing

constexpr http::Schema begun_schema{"RebuildBegun", R"({
  "type":"object","required":["success","taskId"],
  "properties":{"success":{"type":"boolean"},"taskId":{"type":"string","description":"The task that tells its progress"}}})"};

http::RouteInfo info_of(std::string_view summary) {
    return {
        .summary = summary,
        .description =
            "Commands and questions go on meanwhile. Its progress is a task of the caller, with auth off of "
            "`operator`.",
        .access = http::Access::admin,
        .body = &http::nothing_asked,
        .body_required = false,
        .answers = {{.status = 202,
                     .meaning = "It is under way",
                     .schema = &begun_schema,
                     .headers = {"Location", "Stepcast-Position"}},
                    {409, "One is under way (`still-running`)"},
                    unavailable_answer},
    };
}

Response answer_refused(const Error& error) {
    static const std::array<http::AnswerRow, 5> rows{{
        {rebuild_errc::running, 409, "still-running"},
        {rebuild_errc::reading, 503, "rebuilding"},
        {store::errc::unavailable, 503, "store-unavailable"},
        {store::errc::full, 503, "store-full"},
        {store::errc::wrong_expected_version, 503, "busy"},
    }};
    return http::answer_for(error, rows);
}

}  // namespace

std::error_code make_error_code(rebuild_errc e) {
    static const ErrorCategory<rebuild_errc> category{
        "rebuild",
        {{rebuild_errc::running, "The projection is being rebuilt"},
         {rebuild_errc::reading, "The store is being read; come again"},
         {rebuild_errc::stopping, "The server ends"},
         {rebuild_errc::unreadable, "An event cannot be read"}}};
    return category.code(e);
}

http::Route Rebuild::route(std::string_view summary) {
    const auto handle = [this](Request& request, http::Context) -> awaitable<Response> {
        if (auto refusal = http::refuse_other_than_nothing(request)) co_return std::move(*refusal);
        std::string user = request.principal.subject;
        if (user.empty()) user = "operator";
        auto begun = co_await begin(std::move(user));
        co_return begun ? answer_for(std::move(*begun)) : answer_refused(begun.error());
    };
    return {wire::Method::post, fmt::format("/api/projections/{}/rebuild", options_.projection), handle,
            info_of(summary)};
}

awaitable<result<Written>> Rebuild::begin(std::string user) {
    return aio::run_on(parts_.core, [this, user = std::move(user)]() -> awaitable<result<Written>> {
        if (!parts_.hub.live()) co_return fail(rebuild_errc::reading);
        if (!task_.empty()) co_return fail(rebuild_errc::running);
        task_ = "rebuild-" + random_uuid();
        user_ = user;
        const auto told = co_await tell(Kind::started, 0, "다시 쌓기");
        if (!told) {
            task_.clear();
            co_return tl::unexpected{told.error()};
        }
        domain::Answer answer{.status = 202, .body = {}, .location = "/api/v2/progress/status/" + task_};
        Object body{answer.body};
        body.member("success") += "true";
        body.text("taskId", task_).end();
        aio::spawn(parts_.core, "rebuild", [this, hold = gate_.enter()] { return run(); });
        co_return Written{std::move(answer), told->position};
    });
}

awaitable<void> Rebuild::stop() {
    stop_.raise();
    co_await gate_.close();
}

awaitable<void> Rebuild::run() {
    const auto done = co_await rebuild();
    projection_.drop();
    // Whoever stops the server has not asked for what became of it.
    if (stop_.raised()) co_return;
    if (!done)
        spdlog::error("the projection {} was not rebuilt: {}", options_.projection, done.error().text());
    std::ignore = done ? co_await tell(Kind::completed, 100, "교체 완료")
                       : co_await tell(Kind::failed, 0, "다시 쌓기", done.error().text());
    ++(done ? counts_.done : counts_.failed);
    task_.clear();
}

awaitable<result<void>> Rebuild::rebuild() {
    const auto began = std::chrono::steady_clock::now();
    const auto differed_before = counts_.differed;
    projection_.begin();
    if (auto folded = co_await fold(); !folded) co_return folded;
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    // From here on both take the same events: what is equal once stays so.
    if (projection_.folded() != projection_.shown()) ++counts_.differed;
    projection_.stand_beside();
    const auto through = projection_.applied();
    std::ignore = co_await tell(Kind::progress, folded_percent, "비교");
    if (auto compared = co_await compare(); !compared) co_return compared;
    projection_.take_over();
    spdlog::info("the projection {} was rebuilt from {} positions in {:.1f} s: {} entries, {} differed",
                 options_.projection, through, took, projection_.shown(), counts_.differed - differed_before);
    while (projection_.shed(slice_entries)) co_await aio::next_turn();
    co_return result<void>{};
}

// Ends in the turn in which it stands where what is shown stands.
awaitable<result<void>> Rebuild::fold() {
    int told = 0;
    event::Position through = 0;
    while (through < projection_.applied()) {
        if (stop_.raised()) co_return fail(rebuild_errc::stopping);
        const auto to = projection_.applied();
        const auto page =
            co_await parts_.store.read_all({store::Range::By::position, through + 1, to, page_events});
        if (!page) co_return tl::unexpected{page.error()};
        if (!projection_.folds()) break;
        if (auto added = add(*page); !added) co_return added;
        through = page->through;
        const int percent = static_cast<int>(folded_percent * through / to);
        if (percent / 10 > told / 10 && percent < folded_percent) {
            told = percent;
            std::ignore = co_await tell(Kind::progress, percent, "다시 쌓기");
        }
        co_await aio::next_turn();
    }
    if (through > projection_.applied() || !projection_.folds())
        co_return fail(rebuild_errc::reading, {}, "the store began anew meanwhile");
    co_return result<void>{};
}

result<void> Rebuild::add(const store::Page& page) {
    for (const auto& event : page.events) {
        if (&event->category() != &projection_.category() || projection_.fold(*event)) continue;
        return fail(rebuild_errc::unreadable, {},
                    fmt::format("event {} of {}", event->version(), event->stream_id()));
    }
    return {};
}

awaitable<result<void>> Rebuild::compare() {
    for (std::size_t i = 0;; ++i) {
        if (i % slice_entries == 0) co_await aio::next_turn();
        if (auto going = goes_on(); !going) co_return going;
        const auto entry = projection_.entry(i);
        if (entry.empty()) co_return result<void>{};
        if (projection_.is_shown(entry)) continue;
        if (++counts_.differed <= 10)
            spdlog::error("{} was shown otherwise in {} than it is stored", entry, options_.projection);
    }
}

result<void> Rebuild::goes_on() const {
    if (stop_.raised()) return fail(rebuild_errc::stopping);
    if (!projection_.stands())
        return fail(rebuild_errc::reading, {},
                    "the store began anew meanwhile, or holds what cannot be read");
    return {};
}

awaitable<result<store::Receipt>> Rebuild::tell(Kind kind, int percent, std::string_view what,
                                                std::string reason) {
    store::Commit commit;
    commit.outbox.push_back(progress_message(
        options_.progress_topic, {.kind = kind,
                                  .event_id = fmt::format("{}:{}:{}", task_, percent, static_cast<int>(kind)),
                                  .task_id = task_,
                                  .user_id = user_,
                                  .step_name = fmt::format("{} {}", options_.label, what),
                                  .step = percent,
                                  .steps = 100,
                                  .reason = std::move(reason)}));
    const auto told = co_await parts_.committer.commit(std::move(commit));
    if (!told) co_return fail(told.error().code, {}, told.error().detail);
    parts_.owed();
    co_return *told;
}

void Rebuild::read_metrics(MetricSink& sink) const {
    const auto rebuilt = [&](std::string_view result, std::uint64_t count) {
        sink.counter("stepcast_projection_rebuilds_total", "Projections that were folded from nothing",
                     static_cast<double>(count), {{"projection", options_.projection}, {"result", result}});
    };
    rebuilt("done", counts_.done);
    rebuilt("failed", counts_.failed);
    sink.counter("stepcast_projection_differences_total",
                 "Entries that a rebuild found shown otherwise than they are stored",
                 static_cast<double>(counts_.differed), {{"projection", options_.projection}});
}

}  // namespace stepcast::domain

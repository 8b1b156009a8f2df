#include "domain/bank/rebuild.hpp"

#include <spdlog/spdlog.h>
#include <chrono>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "base/random.hpp"
#include "domain/bank/accounts.hpp"
#include "domain/object.hpp"

namespace stepcast::bank {
namespace {

constexpr std::size_t page_events = 256;
constexpr std::size_t slice_accounts = 1'000;
constexpr int folded_percent = 90;  // what is left is comparing

std::error_code code_of(const store::Refusal& refusal) {
    return make_error_code(refusal.code);
}

}  // namespace

awaitable<result<domain::Written>> Rebuild::begin(std::string user) {
    return aio::run_on(parts_.core, [this, user = std::move(user)]() -> awaitable<result<domain::Written>> {
        if (!parts_.hub.live()) co_return fail(query_errc::rebuilding);
        if (!task_.empty()) co_return fail(flow::kept_errc::running, {}, "the projection is being rebuilt");
        task_ = "rebuild-" + random_uuid();
        user_ = user;
        const auto told = co_await tell(Kind::started, 0, "계좌 다시 쌓기");
        if (!told) {
            task_.clear();
            co_return tl::unexpected{told.error()};
        }
        domain::Answer answer{.status = 202, .body = {}, .location = "/api/v2/progress/status/" + task_};
        domain::Object body{answer.body};
        body.member("success") += "true";
        body.text("taskId", task_).end();
        aio::spawn(parts_.core, "rebuild", [this, hold = gate_.enter()] { return run(); });
        co_return domain::Written{std::move(answer), told->position};
    });
}

awaitable<void> Rebuild::stop() {
    stop_.raise();
    co_await gate_.close();
}

awaitable<void> Rebuild::run() {
    const auto done = co_await rebuild();
    projection_.drop_beside();
    // Whoever stops the server has not asked for what became of it.
    if (stop_.raised()) co_return;
    if (!done) spdlog::error("the accounts were not rebuilt: {}", done.error().text());
    std::ignore = done ? co_await tell(Kind::completed, 100, "계좌 교체 완료")
                       : co_await tell(Kind::failed, 0, "계좌 다시 쌓기", done.error().text());
    ++(done ? counts_.done : counts_.failed);
    task_.clear();
}

awaitable<result<void>> Rebuild::rebuild() {
    const auto began = std::chrono::steady_clock::now();
    const auto differed_before = counts_.differed;
    Folded fresh;
    if (auto folded = co_await fold(fresh); !folded) co_return folded;
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    const auto through = fresh.through;
    // From here on both take the same events: what is equal once stays so.
    if (fresh.ledger.size() != projection_.ledger().size()) ++counts_.differed;
    projection_.stand_beside(std::move(fresh.ledger));
    std::ignore = co_await tell(Kind::progress, folded_percent, "계좌 비교");
    if (auto compared = co_await compare(fresh.ids); !compared) co_return compared;
    Ledger old = projection_.take_over();
    spdlog::info("{} accounts were rebuilt from {} positions in {:.1f} s; {} differed", fresh.ids.size(),
                 through, took, counts_.differed - differed_before);
    while (old.shed(slice_accounts)) co_await aio::next_turn();
    co_return result<void>{};
}

// Ends in the turn in which it stands where the projection stands.
awaitable<result<void>> Rebuild::fold(Folded& fresh) {
    int told = 0;
    while (fresh.through < projection_.applied()) {
        if (stop_.raised()) co_return fail(query_errc::unavailable, {}, "the server ends");
        const auto to = projection_.applied();
        const auto page =
            co_await parts_.store.read_all({store::Range::By::position, fresh.through + 1, to, page_events});
        if (!page) co_return tl::unexpected{page.error()};
        if (auto added = add(fresh, *page); !added) co_return added;
        fresh.through = page->through;
        const int percent = static_cast<int>(folded_percent * fresh.through / to);
        if (percent / 10 > told / 10 && percent < folded_percent) {
            told = percent;
            std::ignore = co_await tell(Kind::progress, percent, "계좌 다시 쌓기");
        }
        co_await aio::next_turn();
    }
    if (fresh.through > projection_.applied())
        co_return fail(query_errc::rebuilding, {}, "the store began anew meanwhile");
    co_return result<void>{};
}

result<void> Rebuild::add(Folded& fresh, const store::Page& page) {
    for (const auto& event : page.events) {
        if (&event->category() != &category) continue;
        const bool known = !fresh.ledger.id_of(event->stream_id()).empty();
        if (!fresh.ledger.apply(*event))
            return fail(errc::unreadable, {},
                        fmt::format("event {} of account {}", event->version(), event->stream_id()));
        if (!known) fresh.ids.push_back(fresh.ledger.id_of(event->stream_id()));
    }
    return {};
}

awaitable<result<void>> Rebuild::compare(const std::vector<std::string_view>& ids) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (i % slice_accounts == 0) co_await aio::next_turn();
        if (stop_.raised()) co_return fail(query_errc::unavailable, {}, "the server ends");
        const auto* beside = projection_.beside();
        if (beside == nullptr) co_return fail(query_errc::rebuilding, {}, "the store began anew meanwhile");
        const auto* shown = projection_.ledger().find(ids[i]);
        if (shown != nullptr && *shown == *beside->find(ids[i])) continue;
        if (++counts_.differed <= 10)
            spdlog::error("account {} was shown otherwise than it is stored", ids[i]);
    }
    if (projection_.beside() == nullptr)
        co_return fail(query_errc::rebuilding, {}, "the store began anew meanwhile");
    co_return result<void>{};
}

awaitable<result<store::Receipt>> Rebuild::tell(Kind kind, int percent, std::string step,
                                                std::string reason) {
    store::Commit commit;
    commit.outbox.push_back(domain::progress_message(
        progress_topic_, {.kind = kind,
                          .event_id = fmt::format("{}:{}:{}", task_, percent, static_cast<int>(kind)),
                          .task_id = task_,
                          .user_id = user_,
                          .step_name = std::move(step),
                          .step = percent,
                          .steps = 100,
                          .reason = std::move(reason)}));
    const auto told = co_await parts_.committer.commit(std::move(commit));
    if (!told) co_return fail(code_of(told.error()), {}, told.error().detail);
    parts_.owed();
    co_return *told;
}

}  // namespace stepcast::bank

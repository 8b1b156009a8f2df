#include "domain/bank/transfers.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <tuple>

#include "aio/backoff.hpp"
#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "domain/bank/object.hpp"
#include "domain/task_progress.hpp"

namespace stepcast::bank {
namespace {

using namespace std::chrono_literals;
using Type = TransferEventType;
using Kind = AccountCommand::Kind;

constexpr std::string_view timer_kind = "transfer";
constexpr auto timer_delay = 30s;
constexpr auto look_interval = 5s;

/// The account's rules say no: another attempt would hear the same.
bool is_refusal(const Error& error) {
    return error.code.category() == make_error_code(errc::malformed).category();
}

std::string_view type_name(Type type) {
    return transfer_type_names[static_cast<std::size_t>(type)];
}

/// How a transfer's event is told as a step of its task; one that is resumed goes on without a word.
std::optional<domain::TaskStep> task_step(const std::string& id, const std::string& event_id,
                                          const Transfer& after, const TransferEvent& event) {
    using TaskKind = domain::TaskStep::Kind;
    domain::TaskStep step{
        .event_id = event_id, .task_id = id, .user_id = after.owner, .step_name = {}, .steps = 2};
    switch (event.type) {
        case Type::initiated:
            step.kind = TaskKind::started;
            step.step_name = "이체 접수";
            break;
        case Type::debited:
            step.step_name = "출금 완료";
            step.step = 1;
            break;
        case Type::refused:
            step.step_name = "입금 거절";
            step.step = 1;
            break;
        case Type::completed:
            step.kind = TaskKind::completed;
            step.step_name = "이체 완료";
            step.step = 2;
            break;
        case Type::refunded:
            step.kind = TaskKind::failed;
            step.step_name = after.goes_back ? "환불 완료" : "출금 거절";
            step.step = after.goes_back ? 1 : 0;
            step.reason = after.reason;
            break;
        case Type::stuck:
            step.step_name = "처리 중단";
            step.step = 1;
            break;
        case Type::resumed:
            return std::nullopt;
    }
    return step;
}

}  // namespace

Transfers::Transfers(const domain::Parts& parts, Accounts& accounts, Options options)
    : parts_{parts},
      accounts_{accounts},
      options_{std::move(options)},
      holder_{random_uuid()},
      commands_{parts.core, parts.store, parts.committer, transfer_kind(), {}},
      gate_{parts.core} {}

result<void> Transfers::check(const Wish& wish) const {
    if (!parts_.hub.live()) return fail(query_errc::rebuilding);
    if (stop_.raised() || parts_.committer.paused() == flow::Committer::Pause::store_unavailable)
        return fail(query_errc::unavailable);
    if (under_way_.size() >= options_.max_under_way)
        return fail(query_errc::unavailable, {}, "too many transfers are under way");
    if (wish.from == wish.to) return fail(errc::same_account);
    if (wish.amount <= 0) return fail(errc::amount_not_positive);
    const auto* from = accounts_.projection().ledger().find(wish.from);
    if (from == nullptr) return fail(errc::unknown_account, "from");
    if (!wish.caller.empty() && from->account.owner != wish.caller) return fail(errc::not_owner);
    if (accounts_.projection().ledger().find(wish.to) == nullptr) return fail(errc::unknown_account, "to");
    return {};
}

awaitable<result<domain::Written>> Transfers::begin(Wish wish) {
    return aio::run_on(parts_.core, [this, asked = std::make_shared<const Wish>(std::move(wish))] {
        return write_first(asked);
    });
}

awaitable<result<domain::Written>> Transfers::write_first(std::shared_ptr<const Wish> wish) {
    if (auto checked = check(*wish); !checked) co_return tl::unexpected{checked.error()};
    const auto& from = accounts_.projection().ledger().find(wish->from)->account;
    const TransferEvent event{.type = Type::initiated,
                              .at = parts_.clock.now(),
                              .from = wish->from,
                              .to = wish->to,
                              .amount = wish->amount,
                              .owner = from.owner};
    const auto receipt = co_await commands_.handle(
        {.stream_id = wish->id,
         .event_id = fmt::format("{}:1", wish->id),
         .fingerprint = fingerprint_of(event),
         .decide = [this, wish, event](const flow::Aggregate& state, event::Version version) {
             const auto& before = static_cast<const TransferAggregate&>(state).transfer();
             return result<flow::Decision>{decision(wish->id, before, event, version)};
         }});
    if (!receipt && receipt.error().code == store::errc::idempotency_conflict)
        co_return fail(flow::kept_errc::other_call, {}, "there is another transfer of that id");
    if (!receipt) co_return tl::unexpected{receipt.error()};
    parts_.owed();
    if (!receipt->deduplicated) drive_beside(wish->id);
    domain::Answer answer{.status = 202, .body = {}, .location = "/api/transfers/" + path_segment(wish->id)};
    Object body{answer.body};
    body.member("success") += "true";
    body.text("transferId", wish->id).text("taskId", wish->id).end();
    co_return domain::Written{std::move(answer), receipt->position, receipt->deduplicated};
}

awaitable<result<Transfers::View>> Transfers::view(std::string id) {
    return aio::run_on(parts_.core, [this, id = std::move(id)] { return load(id); });
}

awaitable<result<Transfers::View>> Transfers::load(const std::string& id) {
    auto loaded = co_await commands_.reader().load(id);
    if (!loaded) co_return tl::unexpected{std::move(loaded.error())};
    const auto& state = static_cast<const TransferAggregate&>(*loaded->state);
    if (state.broken()) co_return fail(errc::unreadable);
    if (loaded->version == 0)
        co_return fail(parts_.hub.live() ? make_error_code(errc::unknown_transfer)
                                         : make_error_code(query_errc::rebuilding));
    co_return View{id, state.transfer(), loaded->version};
}

awaitable<result<domain::Written>> Transfers::resume(std::string id) {
    return aio::run_on(parts_.core, [this, id = std::move(id)]() -> awaitable<result<domain::Written>> {
        const auto view = co_await load(id);
        if (!view) co_return tl::unexpected{view.error()};
        if (view->transfer.status != TransferStatus::stuck) co_return fail(errc::not_stuck);
        const auto receipt = co_await advance(id, {.type = Type::resumed}, std::nullopt);
        if (!receipt) co_return tl::unexpected{receipt.error()};
        drive_beside(id);
        domain::Answer answer{.status = 202, .body = R"({"success":true})"};
        co_return domain::Written{std::move(answer), receipt->position};
    });
}

void Transfers::start() {
    aio::spawn_critical(parts_.core, "transfers", [this, hold = gate_.enter()] { return watch(); });
}

awaitable<void> Transfers::stop() {
    stop_.raise();
    co_await gate_.close();
    co_await commands_.stop();
}

Transfers::Counts Transfers::counts() const {
    auto counts = counts_;
    counts.under_way = under_way_.size();
    return counts;
}

// At the start all that are under way, then those that nobody has moved for a while: another node's.
awaitable<void> Transfers::watch() {
    bool first = true;
    while (!stop_.raised()) {
        const auto looked = co_await look(first ? Timestamp::max() : parts_.clock.now());
        if (!looked) spdlog::warn("transfers wait for the store: {}", looked.error().text());
        first = first && !looked;
        co_await stop_.pause(looked ? std::chrono::milliseconds{look_interval} : 500ms);
    }
}

awaitable<result<void>> Transfers::look(Timestamp until) {
    const auto due = co_await parts_.store.due(until, SIZE_MAX);
    if (!due) co_return tl::unexpected{due.error()};
    for (const auto& timer : *due)
        if (timer.kind == timer_kind) drive_beside(timer.payload);
    co_return result<void>{};
}

void Transfers::drive_beside(const std::string& id) {
    if (stop_.raised() || !under_way_.insert(id).second) return;
    aio::spawn_critical(parts_.core, "transfer", [this, id, hold = gate_.enter()] { return drive(id); });
}

awaitable<void> Transfers::drive(std::string id) {
    aio::Backoff backoff{50ms, 5s};
    while (!stop_.raised()) {
        const auto more = co_await step(id);
        if (more && !*more) break;
        if (more) {
            backoff.reset();
            continue;
        }
        if (more.error().code != store::errc::held)
            spdlog::warn("transfer {} waits: {}", id, more.error().text());
        if (!co_await stop_.pause(backoff.next())) break;
    }
    under_way_.erase(id);
}

// False when there is nothing more to do.
awaitable<result<bool>> Transfers::step(const std::string& id) {
    const auto fence = co_await parts_.store.lease("transfers", holder_, options_.lease);
    if (!fence) co_return tl::unexpected{fence.error()};
    const auto view = co_await load(id);
    if (!view) co_return tl::unexpected{view.error()};
    const auto& transfer = view->transfer;
    if (transfer.ended() || transfer.status == TransferStatus::stuck) {
        ++counts_.late_timers;
        store::Commit late;
        late.fired.push_back(timer_of(id).id);
        std::ignore = co_await parts_.committer.commit(std::move(late));
        co_return false;
    }
    co_return co_await carry_out(id, transfer, *fence);
}

awaitable<result<bool>> Transfers::carry_out(const std::string& id, const Transfer& transfer,
                                             const store::Fence& fence) {
    const bool taken = transfer.status == TransferStatus::debited;
    const auto what = !taken ? Step::take : transfer.goes_back ? Step::give_back : Step::give;
    auto moved = co_await move(id, transfer, fence, what);
    if (!moved && !is_refusal(moved.error())) co_return tl::unexpected{std::move(moved.error())};
    TransferEvent next;
    if (!moved) next.reason = moved.error().text();
    switch (what) {
        case Step::take:
            next.type = moved ? Type::debited : Type::refunded;
            break;
        case Step::give:
            next.type = moved ? Type::completed : Type::refused;
            if (moved)
                if (auto settled = co_await move(id, transfer, fence, Step::settle); !settled)
                    co_return tl::unexpected{std::move(settled.error())};
            break;
        default:
            next.type = moved ? Type::refunded : Type::stuck;
    }
    const bool more = next.type == Type::debited || next.type == Type::refused;
    const auto advanced = co_await advance(id, std::move(next), fence);
    if (!advanced) co_return tl::unexpected{advanced.error()};
    co_return more;
}

awaitable<result<void>> Transfers::move(const std::string& id, const Transfer& transfer,
                                        const store::Fence& fence, Step step) {
    Accounts::Wish wish{.account_id = step == Step::give ? transfer.to : transfer.from, .fence = fence};
    wish.command = {.amount = transfer.amount, .transfer = id};
    switch (step) {
        case Step::take:
            wish.command.kind = Kind::withdraw;
            wish.command.note = "Transfer to " + transfer.to;
            wish.event_id = id + ":taken";
            break;
        case Step::give:
            wish.command.kind = Kind::deposit;
            wish.command.note = "Transfer from " + transfer.from;
            wish.event_id = id + ":given";
            break;
        case Step::give_back:
            wish.command.kind = Kind::deposit;
            wish.command.note = "Refund of the transfer to " + transfer.to;
            wish.event_id = id + ":back";
            break;
        case Step::settle:
            wish.command.kind = Kind::settle;
            wish.command.amount = 0;
            wish.event_id = id + ":settled";
            break;
    }
    const auto done = co_await accounts_.carry_out(std::move(wish));
    if (!done) co_return tl::unexpected{done.error()};
    co_return result<void>{};
}

awaitable<result<store::Receipt>> Transfers::advance(const std::string& id, TransferEvent event,
                                                     std::optional<store::Fence> fence) {
    event.at = parts_.clock.now();
    const auto receipt = co_await commands_.handle(
        {.stream_id = id,
         .decide = [this, id, event, fence](const flow::Aggregate& state, event::Version version) {
             const auto& before = static_cast<const TransferAggregate&>(state).transfer();
             if (!may_follow(before, event.type)) return result<flow::Decision>{flow::Decision{}};
             auto decided = decision(id, before, event, version);
             decided.beside.fence = fence;
             return result<flow::Decision>{std::move(decided)};
         }});
    if (!receipt) co_return receipt;
    parts_.owed();
    if (event.type == Type::completed) ++counts_.completed;
    if (event.type == Type::refunded) ++counts_.refunded;
    if (event.type == Type::stuck) {
        ++counts_.stuck;
        spdlog::error("transfer {} is stuck: {}", id, event.reason);
    }
    co_return receipt;
}

store::Timer Transfers::timer_of(const std::string& id) const {
    return {"transfer " + id, parts_.clock.now() + timer_delay, std::string{timer_kind}, id};
}

flow::Decision Transfers::decision(const std::string& id, const Transfer& before, const TransferEvent& event,
                                   event::Version version) const {
    Transfer after = before;
    TransferEvent next = event;
    next.at = std::max(event.at, before.updated_at);
    evolve(after, next);
    const auto event_id = fmt::format("{}:{}", id, version + 1);
    flow::Decision decision;
    decision.events.push_back(make_draft(next, id, event_id, version + 1));
    auto& beside = decision.beside;
    if (after.ended() || after.status == TransferStatus::stuck)
        beside.fired.push_back(timer_of(id).id);
    else
        beside.timers.push_back(timer_of(id));
    beside.outbox.push_back({.id = "transfer " + event_id,
                             .topic = options_.events_topic,
                             .key = id,
                             .value = std::string{"{"}.append(decision.events.front()->body()),
                             .headers = {{"eventType", std::string{type_name(next.type)}},
                                         {"aggregateId", id},
                                         {"timestamp", format_rfc3339(next.at)}}});
    if (auto step = task_step(id, event_id, after, next))
        beside.outbox.push_back(domain::progress_message(options_.progress_topic, *step));
    return decision;
}

}  // namespace stepcast::bank

#include "domain/bank/transfers.hpp"

#include <fmt/format.h>
#include <array>

#include "aio/spawn.hpp"
#include "domain/object.hpp"
#include "domain/task_progress.hpp"

namespace stepcast::bank {
namespace {

using namespace std::chrono_literals;
using Type = TransferEventType;
using Kind = AccountCommand::Kind;

constexpr std::array<flow::SagaStep, 2> transfer_steps{{{"take"}, {"give"}}};

const Transfer& transfer_of(const flow::Aggregate& state) {
    return static_cast<const TransferAggregate&>(state).transfer();
}

Type type_after(flow::SagaMove move) {
    switch (move) {
        case flow::SagaMove::begun:
            return Type::initiated;
        case flow::SagaMove::done:
            return Type::debited;
        case flow::SagaMove::completed:
            return Type::completed;
        case flow::SagaMove::compensated:
            return Type::refunded;
        case flow::SagaMove::stuck:
            return Type::stuck;
        case flow::SagaMove::resumed:
            return Type::resumed;
        case flow::SagaMove::refused:
        // Steps have no patience, and only the first of them is ever undone: neither of these comes.
        case flow::SagaMove::doubted:
        case flow::SagaMove::undone:
            break;
    }
    return Type::refused;
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
            step.step_name = after.went_back() ? "환불 완료" : "출금 거절";
            step.step = after.went_back() ? 1 : 0;
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
      sagas_{parts.core,
             parts.clock,
             parts.store,
             parts.committer,
             *this,
             transfer_kind(),
             {.max_under_way = options_.max_under_way, .lease = options_.lease},
             parts.owed} {}

result<void> Transfers::check(const Wish& wish) const {
    if (!parts_.hub.live()) return fail(query_errc::rebuilding);
    if (sagas_.stopping() || parts_.committer.paused() == flow::Committer::Pause::store_unavailable)
        return fail(query_errc::unavailable);
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
    const auto receipt = co_await sagas_.begin(
        {.stream_id = wish->id,
         .event_id = fmt::format("{}:1", wish->id),
         .fingerprint = fingerprint_of(event),
         .decide =
             [this, wish, event](const flow::Aggregate& state, event::Version version) {
                 return result<flow::Decision>{decision(wish->id, transfer_of(state), event, version)};
             },
         .cause = wish->cause});
    if (!receipt && receipt.error().code == store::errc::idempotency_conflict)
        co_return fail(flow::kept_errc::other_call, {}, "there is another transfer of that id");
    if (!receipt && receipt.error().code == flow::saga_errc::too_many)
        co_return fail(query_errc::unavailable, {}, "too many transfers are under way");
    if (!receipt) co_return tl::unexpected{receipt.error()};
    domain::Answer answer{
        .status = 202, .body = {}, .location = "/api/transfers/" + domain::path_segment(wish->id)};
    domain::Object body{answer.body};
    body.member("success") += "true";
    body.text("transferId", wish->id).text("taskId", wish->id).end();
    co_return domain::Written{std::move(answer), receipt->position, receipt->deduplicated};
}

awaitable<result<Transfers::View>> Transfers::view(std::string id) {
    return aio::run_on(parts_.core, [this, id = std::move(id)] { return load(id); });
}

awaitable<result<Transfers::View>> Transfers::load(const std::string& id) {
    const auto loaded = co_await sagas_.load(id);
    if (loaded) co_return View{id, transfer_of(*loaded->state), loaded->version};
    const auto why = loaded.error().code;
    if (why == flow::saga_errc::unreadable) co_return fail(errc::unreadable);
    if (why != flow::saga_errc::unknown_saga) co_return tl::unexpected{loaded.error()};
    co_return fail(parts_.hub.live() ? make_error_code(errc::unknown_transfer)
                                     : make_error_code(query_errc::rebuilding));
}

std::span<const flow::SagaStep> Transfers::steps() const {
    return transfer_steps;
}

const flow::SagaState* Transfers::saga(const flow::Aggregate& state) const {
    return static_cast<const TransferAggregate&>(state).broken() ? nullptr : &transfer_of(state).saga;
}

std::string Transfers::owner(const flow::Aggregate& state) const {
    return transfer_of(state).owner;
}

std::string Transfers::reason(const flow::Aggregate& state) const {
    return transfer_of(state).reason;
}

// The account's rules say no: another attempt would hear the same.
bool Transfers::is_refusal(const Error& error) const {
    return error.code.category() == make_error_code(errc::malformed).category();
}

awaitable<result<flow::SagaAnswer>> Transfers::act(const flow::SagaTurn& turn) {
    if (turn.step == 0) co_return co_await move(turn, Step::take);
    auto given = co_await move(turn, Step::give);
    if (!given) co_return given;
    auto settled = co_await move(turn, Step::settle);
    // The money has arrived: whatever that says, it must not go back.
    if (!settled && is_refusal(settled.error()))
        co_return fail(query_errc::unavailable, {}, settled.error().text());
    co_return settled;
}

// That the other account does not take the money moved none.
awaitable<result<flow::SagaAnswer>> Transfers::undo(const flow::SagaTurn& turn) {
    co_return co_await move(turn, Step::give_back);
}

awaitable<result<flow::SagaAnswer>> Transfers::move(const flow::SagaTurn& turn, Step step) {
    const auto& id = turn.id;
    const auto& transfer = transfer_of(turn.state);
    Accounts::Wish wish{.account_id = step == Step::give ? transfer.to : transfer.from, .fence = turn.fence};
    wish.cause = turn.cause;
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
    co_return flow::SagaAnswer::done;
}

flow::Decision Transfers::tell(const std::string& id, const flow::Aggregate& state, event::Version version,
                               const Told& told) const {
    return decision(id, transfer_of(state),
                    {.type = type_after(told.move), .at = parts_.clock.now(), .reason = told.reason},
                    version);
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

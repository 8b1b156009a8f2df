#include "domain/bank/accounts.hpp"

#include <fmt/format.h>

#include "aio/spawn.hpp"
#include "base/error_category.hpp"
#include "base/random.hpp"
#include "domain/object.hpp"

namespace stepcast::bank {
namespace {

using Kind = AccountCommand::Kind;

constexpr std::chrono::seconds patience{5};

domain::Answer answer_of(std::string_view account_id, const AccountEvent& event, const Account& after,
                         event::Version version) {
    domain::Answer answer{.status = 200, .body = "{\"success\":true", .version = version};
    if (event.transaction.empty()) {
        answer.body += ",\"accountId\":";
        event::append_json_string(answer.body, account_id);
    } else {
        answer.body +=
            fmt::format(",\"newBalance\":{},\"transactionId\":\"{}\"", after.balance, event.transaction);
    }
    answer.body += fmt::format(",\"version\":{}}}", version);
    if (event.type == EventType::account_created) {
        answer.status = 201;
        answer.location = "/api/accounts/" + domain::path_segment(account_id);
    }
    return answer;
}

}  // namespace

std::error_code make_error_code(query_errc e) {
    static const ErrorCategory<query_errc> texts{
        "accounts",
        {{query_errc::rebuilding, "the accounts are being read; come again"},
         {query_errc::unknown_version, "the account has no such version"},
         {query_errc::busy, "another question about the whole bank's past is being answered"},
         {query_errc::unavailable, "the store cannot be reached now"}}};
    return texts.code(e);
}

Accounts::Accounts(const domain::Parts& parts, Options options)
    : parts_{parts},
      options_{std::move(options)},
      commands_{parts.core, parts.store, parts.committer, account_kind(options_.snapshot_every), {}},
      kept_{parts.store, parts.clock, options_.keep_answers} {}

// Before the store is folded nobody knows what it holds.
result<void> Accounts::check_live() const {
    if (!parts_.hub.live()) return fail(query_errc::rebuilding);
    return {};
}

awaitable<result<domain::Written>> Accounts::carry_out(Wish wish) {
    wish.command.now = parts_.clock.now();
    if (wish.command.kind == Kind::deposit || wish.command.kind == Kind::withdraw)
        wish.command.transaction = random_uuid();
    return aio::run_on(
        parts_.core, [this, asked = std::make_shared<const Wish>(std::move(wish))] { return write(asked); });
}

awaitable<result<domain::Written>> Accounts::write(std::shared_ptr<const Wish> wish) {
    if (auto live = check_live(); !live) co_return tl::unexpected{live.error()};
    if (parts_.committer.paused() == flow::Committer::Pause::store_unavailable)
        co_return fail(query_errc::unavailable);
    flow::KeptAnswers::Turn turn;
    if (wish->key) {
        auto begun = co_await kept_.begin(*wish->key);
        if (!begun) co_return tl::unexpected{begun.error()};
        if (begun->answer) co_return co_await kept(*wish, {});
        turn = std::move(begun->turn);
    }
    // Shared, because a caller may give up what is still being decided.
    const auto answer = std::make_shared<domain::Answer>();
    const auto receipt = co_await commands_.handle(
        {.stream_id = wish->account_id,
         .event_id = wish->event_id,
         .fingerprint = fingerprint_of(wish->command),
         .decide = [this, wish, answer](
                       const flow::Aggregate& state,
                       event::Version version) { return decide(*wish, *answer, of(state), version); },
         .cause = wish->cause});
    if (!receipt) co_return tl::unexpected{receipt.error()};
    parts_.owed();
    if (receipt->deduplicated && wish->key) co_return co_await kept(*wish, *answer);
    const auto position = receipt->position == 0 ? parts_.store.head() : receipt->position;
    co_await parts_.hub.wait_applied(position, patience);
    co_return domain::Written{*answer, position};
}

result<flow::Decision> Accounts::decide(const Wish& wish, domain::Answer& answer,
                                        const AccountAggregate& state, event::Version version) const {
    if (state.broken()) return fail(errc::unreadable);
    auto event = bank::decide(state.account(), version, wish.command);
    if (!event) return tl::unexpected{std::move(event.error())};
    const auto next = version + 1;
    Account after = state.account();
    evolve(after, *event);
    answer = answer_of(wish.account_id, *event, after, next);

    const auto event_id = wish.event_id.empty() ? random_uuid() : wish.event_id;
    auto draft = make_draft(*event, wish.account_id, event_id, after.owner, next, event::to_json(wish.cause));
    flow::Decision decision;
    decision.beside.outbox.push_back({.id = fmt::format("account {} {}", wish.account_id, next),
                                      .topic = options_.events_topic,
                                      .key = wish.account_id,
                                      .value = std::string{"{"}.append(draft->body()),
                                      .headers = {{"eventType", std::string{name_of(event->type)}},
                                                  {"aggregateId", wish.account_id},
                                                  {"timestamp", format_rfc3339(event->at)}}});
    decision.events.push_back(std::move(draft));
    if (options_.snapshot_every != 0 && next % options_.snapshot_every == 0)
        decision.beside.outbox.push_back({.id = fmt::format("snapshot {} {}", wish.account_id, next),
                                          .topic = options_.snapshots_topic,
                                          .key = wish.account_id,
                                          .value = encode_snapshot(wish.account_id, after, next)});
    decision.beside.fence = wish.fence;
    if (wish.key) decision.beside.inbox = kept_.mark(*wish.key, to_text(answer));
    return decision;
}

// What the store has for the key is the answer; `own` is what this call would have said.
awaitable<result<domain::Written>> Accounts::kept(const Wish& wish, const domain::Answer& own) {
    const auto text = co_await kept_.find(*wish.key);
    if (!text) co_return tl::unexpected{text.error()};
    auto answer = *text ? domain::read_answer(**text) : std::nullopt;
    if (!answer) co_return fail(query_errc::unavailable);
    const auto head = parts_.store.head();
    co_await parts_.hub.wait_applied(head, patience);
    co_return domain::Written{std::move(*answer), head, **text != to_text(own)};
}

}  // namespace stepcast::bank

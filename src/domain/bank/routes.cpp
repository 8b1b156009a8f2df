#include "domain/bank/routes.hpp"

#include <fmt/format.h>
#include <memory>

#include "base/random.hpp"
#include "base/text.hpp"
#include "domain/bank/answers.hpp"
#include "domain/bank/api.hpp"
#include "domain/bank/transfer_routes.hpp"
#include "event/ids.hpp"
#include "http/access.hpp"
#include "http/answers.hpp"
#include "http/conditions.hpp"
#include "http/paging.hpp"
#include "http/parameters.hpp"

namespace stepcast::bank {
namespace {

using http::Context;
using http::Request;
using http::Response;
using Kind = AccountCommand::Kind;

constexpr std::size_t max_events = 10'000;
constexpr std::size_t max_listed = 1'000;
constexpr std::size_t default_listed = 100;

struct Parts {
    Accounts& accounts;
    Transfers& transfers;
    flow::FeedHub& hub;
    aio::Strand core;
};

std::optional<Response> refuse_stranger(const Request& request, std::string_view owner) {
    return may_see_all(request) ? std::nullopt : http::refuse_other(request, owner);
}

result<std::string, Response> account_of(const Request& request) {
    const auto id = request.path_parameter("accountId");
    if (const auto fault = event::fault_of_id(id); !fault.empty())
        return tl::unexpected{Response::invalid_field("accountId", fault)};
    return std::string{id};
}

/// Whose a new account is: with tokens the caller's, unless an admin says otherwise.
result<std::string, Response> owner_of(const Request& request, std::string sent) {
    if (sent.empty()) sent = request.principal.subject;
    if (sent.empty()) return tl::unexpected{Response::invalid_field("owner", "is required")};
    if (!may_see_all(request) && sent != request.principal.subject)
        return tl::unexpected{Response::problem(
            403, "not-owner", "an account for another user needs the scope admin", "owner")};
    return sent;
}

awaitable<Response> carry_out(Parts& parts, Request& request, std::string_view route, Kind kind, Sent sent) {
    auto key = domain::keyed_call(request, route);
    if (!key) co_return std::move(key.error());
    const auto expected = domain::expected_version(request);
    if (!expected) co_return Response{std::move(domain::expected_version(request).error())};
    Accounts::Wish wish{.account_id = std::move(sent.account_id),
                        .command = {.kind = kind,
                                    .amount = sent.amount.value_or(0),
                                    .note = std::move(sent.note),
                                    .expected = *expected},
                        .cause = domain::cause_of(request),
                        .key = std::move(*key)};
    if (kind == Kind::create) {
        auto owner = owner_of(request, std::move(sent.owner));
        if (!owner) co_return std::move(owner.error());
        wish.command.owner = std::move(*owner);
    }
    if (!may_see_all(request)) wish.command.caller = request.principal.subject;
    auto written = co_await parts.accounts.carry_out(std::move(wish));
    if (written) co_return domain::answer_for(std::move(*written));
    const Error& error = written.error();
    if (error.code == errc::wrong_version)
        co_return domain::wrong_version(**expected, parse_number<event::Version>(error.detail).value_or(0));
    co_return answer_for(error);
}

awaitable<Response> create(Parts& parts, Request& request) {
    if (auto refusal = http::refuse_unless_json(request)) co_return std::move(*refusal);
    auto sent = decode_sent(request.body, Kind::create);
    if (!sent) co_return answer_for(sent.error());
    if (sent->account_id.empty()) sent->account_id = random_uuid();
    co_return co_await carry_out(parts, request, "/api/accounts", Kind::create, std::move(*sent));
}

template <Kind kind>
awaitable<Response> change(Parts& parts, Request& request) {
    if (!request.body.empty() || kind != Kind::close)
        if (auto refusal = http::refuse_unless_json(request)) co_return std::move(*refusal);
    auto id = account_of(request);
    if (!id) co_return std::move(id.error());
    auto sent =
        request.body.empty() && kind == Kind::close ? result<Sent>{Sent{}} : decode_sent(request.body, kind);
    if (!sent) co_return answer_for(sent.error());
    sent->account_id = std::move(*id);
    constexpr std::string_view route = kind == Kind::deposit    ? "deposits"
                                       : kind == Kind::withdraw ? "withdrawals"
                                                                : "close";
    co_return co_await carry_out(parts, request, route, kind, std::move(*sent));
}

awaitable<Response> command(Parts& parts, Request& request) {
    if (auto refusal = http::refuse_unless_json(request)) co_return std::move(*refusal);
    auto given = decode_seed_command(request.body);
    if (!given) co_return answer_for(given.error());
    if (given->kind)
        co_return co_await carry_out(parts, request, "commands", *given->kind, std::move(given->sent));
    auto sent = decode_sent_transfer(request.body);
    if (!sent) co_return answer_for(sent.error());
    co_return co_await begin_transfer(parts.transfers, request, std::move(*sent));
}

// Who may not see the account is told so before anything of its past.
awaitable<result<std::string, Response>> readable(Parts& parts, Request& request) {
    using Refused = tl::unexpected<Response>;
    auto id = account_of(request);
    if (!id) co_return Refused{std::move(id.error())};
    if (auto late = co_await domain::wait_for(parts.hub, parts.core, request))
        co_return Refused{std::move(*late)};
    const auto now = co_await parts.accounts.view(*id, {});
    if (!now) co_return Refused{answer_for(now.error())};
    if (auto refusal = refuse_stranger(request, now->account.owner)) co_return Refused{std::move(*refusal)};
    co_return std::move(*id);
}

awaitable<Response> get_account(Parts& parts, Request& request) {
    auto past = http::past_of(request);
    if (!past) co_return std::move(past.error());
    auto id = co_await readable(parts, request);
    if (!id) co_return std::move(id.error());
    const auto view = co_await parts.accounts.view(std::move(*id), *past);
    if (!view) co_return answer_for(view.error());
    co_return http::answer_version(request, view->version,
                                   encode_view(view->id, view->account, view->version));
}

awaitable<Response> get_events(Parts& parts, Request& request) {
    auto slice = http::slice_of(request, max_events);
    if (!slice) co_return std::move(slice.error());
    auto id = co_await readable(parts, request);
    if (!id) co_return std::move(id.error());
    const auto head = (co_await parts.accounts.view(*id, {})).value_or(Accounts::View{}).version;
    http::EventList list{
        [&accounts = parts.accounts, id = *id, head](
            std::uint64_t from, std::size_t limit) -> awaitable<std::optional<http::ListRead>> {
            auto read = co_await accounts.events(id, from, head, limit);
            if (!read) co_return std::nullopt;
            co_return http::ListRead{std::move(read->events), read->more};
        },
        [](const event::Event& event) { return std::uint64_t{event.version()}; }};
    auto first = co_await parts.accounts.events(*id, slice->from, head,
                                                std::min(slice->limit, http::list_read_events));
    if (!first) co_return answer_for(first.error());
    Response response = co_await http::answer_list(
        std::move(list), {std::move(first->events), first->more}, *slice,
        [&](auto from) { return http::next_link(request, {}, from, slice->limit); });
    if (response.status == 200)
        response.with("ETag", http::etag_of(head)).with("Cache-Control", http::users_own);
    co_return response;
}

awaitable<Response> get_transactions(Parts& parts, Request& request) {
    auto slice = http::slice_of(request, max_listed);
    if (!slice) co_return std::move(slice.error());
    if (!request.parameter("limit")) slice->limit = default_listed;
    auto id = co_await readable(parts, request);
    if (!id) co_return std::move(id.error());
    auto found = co_await parts.accounts.transactions(std::move(*id), slice->from, slice->limit);
    if (!found) co_return answer_for(found.error());
    Response response = Response::json(std::move(found->json));
    if (found->next != 0) response.with("Link", http::next_link(request, {}, found->next, slice->limit));
    co_return std::move(response).with("Cache-Control", http::users_own);
}

// "1500:ACC-001": the balance and the id of the last account that was looked at.
result<std::optional<std::pair<std::int64_t, std::string>>, Response> after_of(const Request& request) {
    using After = std::optional<std::pair<std::int64_t, std::string>>;
    const auto text = request.parameter("after");
    if (!text) return After{};
    const auto colon = text->find(':');
    const auto balance = parse_number<std::int64_t>(text->substr(0, colon));
    if (!balance || colon == std::string_view::npos)
        return tl::unexpected{Response::invalid_field("after", "must come from a Link header")};
    return After{{*balance, std::string{text->substr(colon + 1)}}};
}

std::string link_behind(const Accounts::Top& top, const Request& request, std::size_t limit) {
    std::string after;
    for (const char c : fmt::format("{}:{}", top.last_balance, top.last_id))
        after += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    std::string at{request.parameter("at") ? "&at=" : ""};
    for (const char c : request.parameter("at").value_or(""))
        at += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return fmt::format("</api/accounts?sort=-balance&limit={}&after={}{}>; rel=\"next\"", limit, after, at);
}

awaitable<Response> get_top(Parts& parts, Request& request) {
    if (request.parameter("sort").value_or("-balance") != "-balance")
        co_return Response::invalid_field("sort", "must be -balance");
    if (request.parameter("version"))
        co_return Response::invalid_field("version", "is of one account; use at");
    auto past = http::past_of(request);
    if (!past) co_return std::move(past.error());
    auto limit = http::optional_number(request, "limit", {.min = 1, .max = max_listed});
    if (!limit) co_return std::move(limit.error());
    auto after = after_of(request);
    if (!after) co_return std::move(after.error());
    if (auto late = co_await domain::wait_for(parts.hub, parts.core, request)) co_return std::move(*late);
    Accounts::Page page{.after = std::move(*after),
                        .limit = static_cast<std::size_t>(limit->value_or(default_listed)),
                        .owner = may_see_all(request) ? std::string{} : request.principal.subject};
    const auto most = page.limit;
    const auto top = co_await parts.accounts.top(std::move(page), past->at);
    if (!top) co_return answer_for(top.error());
    std::string body = "[";
    for (const auto& [id, account, version] : top->accounts) {
        if (body.size() > 1) body += ',';
        body += encode_view(id, account, version);
    }
    Response response = Response::json(std::move(body += ']'));
    if (top->more) response.with("Link", link_behind(*top, request, most));
    co_return std::move(response).with("Cache-Control", http::users_own);
}

}  // namespace

std::vector<http::Route> account_routes(Accounts& accounts, Transfers& transfers, flow::FeedHub& hub,
                                        const aio::Strand& core) {
    const auto parts = std::make_shared<Parts>(Parts{accounts, transfers, hub, core});
    const auto to = [parts](awaitable<Response> (*handle)(Parts&, Request&)) -> http::Handler {
        return [parts, handle](Request& request, Context) { return handle(*parts, request); };
    };
    using enum wire::Method;
    return {
        {post, "/api/accounts", to(create), api::create},
        {get, "/api/accounts", to(get_top), api::top},
        {post, "/api/accounts/commands", to(command), api::command},
        {get, "/api/accounts/{accountId}", to(get_account), api::account},
        {post, "/api/accounts/{accountId}/deposits", to(change<Kind::deposit>), api::deposit},
        {post, "/api/accounts/{accountId}/withdrawals", to(change<Kind::withdraw>), api::withdraw},
        {post, "/api/accounts/{accountId}/close", to(change<Kind::close>), api::close},
        {get, "/api/accounts/{accountId}/events", to(get_events), api::events},
        {get, "/api/accounts/{accountId}/transactions", to(get_transactions), api::transactions},
    };
}

}  // namespace stepcast::bank

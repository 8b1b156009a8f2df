#include "domain/progress/routes.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "aio/turn.hpp"
#include "domain/progress/answers.hpp"
#include "domain/progress/api.hpp"
#include "domain/progress/orders.hpp"
#include "event/json.hpp"
#include "http/access.hpp"
#include "http/conditions.hpp"
#include "http/paging.hpp"
#include "http/parameters.hpp"
#include "http/past.hpp"

namespace stepcast::progress {
namespace {

using http::Context;
using http::Request;
using http::Response;

constexpr std::size_t max_listed = 10'000;

// The named id of the path or query, checked like any other.
result<std::string, Response> id_of(std::string_view value, std::string_view field) {
    if (auto checked = check_id(value, field); !checked) return tl::unexpected{answer_for(checked.error())};
    return std::string{value};
}

// Whom the query names, or who calls if it names nobody.
result<std::string, Response> user_of(const Request& request) {
    const auto user = http::user_named(request);
    if (user.empty() && !request.parameter("userId"))
        return tl::unexpected{Response::invalid_field("userId", "is required")};
    return id_of(user, "userId");
}

// The same for what only the user may see.
result<std::string, Response> reader_of(const Request& request) {
    auto user = user_of(request);
    if (user)
        if (auto refusal = http::refuse_other(request, *user)) return tl::unexpected{std::move(*refusal)};
    return user;
}

// What keeps the caller from a task's past, which does not say whose it is.
awaitable<std::optional<Response>> refuse_stranger(RouteParts& parts, const Request& request,
                                                   const std::string& task_id) {
    if (request.principal.anonymous) co_return std::nullopt;
    const auto view = co_await parts.service.status(task_id, std::nullopt);
    if (!view) co_return answer_for(view.error());
    co_return http::refuse_other(request, view->user_id);
}

// Which past of the task is asked for, by version or by time; nothing: the present.
awaitable<result<std::optional<event::Version>, Response>> version_of(RouteParts& parts,
                                                                      const Request& request,
                                                                      const std::string& task_id) {
    using Refused = tl::unexpected<Response>;
    auto past = http::past_of(request);
    if (!past) co_return Refused{std::move(past.error())};
    if (!past->at) co_return past->version;
    const auto found = co_await parts.service.version_at(task_id, *past->at);
    if (!found) co_return Refused{answer_for(found.error())};
    co_return *found;
}

awaitable<Response> get_status(RouteParts& parts, Request& request) {
    auto task_id = id_of(request.path_parameter("taskId"), "taskId");
    if (!task_id) co_return std::move(task_id.error());
    // What a past lacks would tell a stranger how far the task has come.
    if (request.parameter("version") || request.parameter("at"))
        if (auto refusal = co_await refuse_stranger(parts, request, *task_id)) co_return std::move(*refusal);
    auto version = co_await version_of(parts, request, *task_id);
    if (!version) co_return std::move(version.error());
    const bool past = version->has_value();
    const auto view = co_await parts.service.status(*task_id, *version);
    if (!view) co_return answer_for(view.error());
    if (auto refusal = http::refuse_other(request, view->user_id)) co_return std::move(*refusal);
    const ProgressState& state = view->state;
    // A live status moves with the clock although its version stands, so only what cannot change answers 304.
    const std::string etag = http::etag_of(state.version);
    if ((past || state.finished()) && http::not_modified(request, etag)) co_return http::unchanged(etag);
    const Timestamp now = past ? state.measured_at : parts.service.clock().now();
    std::string body;
    append_snapshot(body, *task_id, view->user_id, state, outlook(state, now, view->stalled), false);
    co_return Response::json(std::move(body)).with("ETag", etag).with("Cache-Control", http::users_own);
}

// What goes on in a history that stands at `head`, so that events that come meanwhile do not move its end.
http::EventList history_from(RouteParts& parts, std::string task_id, event::Version head) {
    return {[&parts, task_id = std::move(task_id), head](
                std::uint64_t from, std::size_t limit) -> awaitable<std::optional<http::ListRead>> {
                auto read = co_await parts.service.history(task_id, head, from, limit);
                if (!read) co_return std::nullopt;
                co_return http::ListRead{std::move(read->events), read->more};
            },
            [](const event::Event& event) { return std::uint64_t{event.version()}; }};
}

awaitable<Response> get_history(RouteParts& parts, Request& request) {
    auto slice = http::slice_of(request, max_listed);
    if (!slice) co_return std::move(slice.error());
    auto task_id = id_of(request.path_parameter("taskId"), "taskId");
    if (!task_id) co_return std::move(task_id.error());
    if (auto refusal = co_await refuse_stranger(parts, request, *task_id)) co_return std::move(*refusal);
    auto version = co_await version_of(parts, request, *task_id);
    if (!version) co_return std::move(version.error());
    auto history = co_await parts.service.history(*task_id, *version, slice->from,
                                                  std::min(slice->limit, http::list_read_events));
    if (!history) co_return answer_for(history.error());
    const std::string etag = http::etag_of(history->head);
    if (http::not_modified(request, etag)) co_return http::unchanged(etag);
    const std::string past = *version ? fmt::format("version={}&", **version) : "";
    Response response = co_await http::answer_list(
        history_from(parts, std::move(*task_id), history->head), {std::move(history->events), history->more},
        *slice, [&](auto from) { return http::next_link(request, past, from, slice->limit); });
    if (response.status == 200) response.with("ETag", etag).with("Cache-Control", http::users_own);
    co_return response;
}

awaitable<Response> get_user(RouteParts& parts, Request& request) {
    auto slice = http::slice_of(request, max_listed);
    if (!slice) co_return std::move(slice.error());
    auto user_id = id_of(request.path_parameter("userId"), "userId");
    if (!user_id) co_return std::move(user_id.error());
    if (auto refusal = http::refuse_other(request, *user_id)) co_return std::move(*refusal);
    http::EventList list{
        [&parts, user_id = std::move(*user_id)](
            std::uint64_t from, std::size_t limit) -> awaitable<std::optional<http::ListRead>> {
            auto read = co_await parts.service.user_events(user_id, from, limit);
            if (!read) co_return std::nullopt;
            co_return http::ListRead{std::move(read->events), read->more};
        },
        [](const event::Event& event) { return std::uint64_t{event.position()}; }};
    auto first =
        co_await parts.service.user_events(std::string{request.path_parameter("userId")}, slice->from,
                                           std::min(slice->limit, http::list_read_events));
    if (!first) co_return answer_for(first.error());
    Response response = co_await http::answer_list(
        std::move(list), {std::move(first->events), first->more}, *slice,
        [&](auto from) { return http::next_link(request, {}, from, slice->limit); });
    if (response.status == 200) response.with("Cache-Control", http::users_own);
    co_return response;
}

void append_given(std::string& out, const ProgressIntake::Given& given) {
    out += "{\"eventId\":";
    event::append_json_string(out, given.event_id);
    out += ",\"taskId\":";
    event::append_json_string(out, given.task_id);
    out += '}';
}

std::optional<Response> refuse_senders(const Request& request, const SentReader& sent) {
    if (http::may_send_for_all(request)) return std::nullopt;
    for (std::size_t i = 0; i < sent.events.size(); ++i)
        if (sent.events[i].user_id != request.principal.subject)
            return http::refuse_sender(request, sent.events[i].user_id,
                                       sent.array ? fmt::format("[{}].userId", i) : "userId");
    return std::nullopt;
}

// Writes that the client got wrong show in the metrics beside those that came by the topic. Every refusal of
// a write passes through here.
Response counted(RouteParts& parts, Response refusal) {
    if (refusal.status >= 400 && refusal.status < 500) parts.intake.count_rejected(refusal.code);
    return refusal;
}

awaitable<Response> post_events(RouteParts& parts, Request& request) {
    if (auto refusal = http::refuse_unless_json(request)) co_return counted(parts, std::move(*refusal));
    SentReader sent{request.body, request.principal.subject};
    for (;;) {
        const auto more = sent.read(64);
        if (!more) co_return counted(parts, answer_for(more.error()));
        if (!*more) break;
        co_await aio::next_turn();  // others on this lane wait no longer than for a slice
    }
    const bool array = sent.array;
    if (auto refusal = refuse_senders(request, sent)) co_return counted(parts, std::move(*refusal));
    const auto given = co_await parts.intake.publish(std::move(sent.events), array);
    if (!given) co_return counted(parts, answer_for(given.error()));
    constexpr std::size_t around = 32;  // names, quotes, commas
    std::string body;
    body.reserve(given->size() * (given->front().event_id.size() + given->front().task_id.size() + around));
    if (array) body += '[';
    std::size_t told = 0;
    for (const auto& one : *given) {
        if (told > 0) body += ',';
        append_given(body, one);
        if (++told % 64 == 0) co_await aio::next_turn();
    }
    if (array) body += ']';
    Response response = Response::json(std::move(body), 202);
    response.events = given->size();
    co_return response;
}

result<Order, Response> form_of_query(const Request& request) {
    auto user = user_of(request);
    if (!user) return tl::unexpected{std::move(user.error())};
    const auto product = request.parameter("productName");
    if (!product) return tl::unexpected{Response::invalid_field("productName", "is required")};
    auto quantity = http::required_number(request, "quantity", {.min = 1, .max = max_quantity});
    if (!quantity) return tl::unexpected{std::move(quantity.error())};
    if (auto checked = check_product_name(*product); !checked)
        return tl::unexpected{answer_for(checked.error())};
    return Order{{}, std::move(*user), std::string{*product}, *quantity};
}

result<Order, Response> form_of_body(const Request& request) {
    // Which of two would hold is nothing to guess, and one of them would go unchecked.
    for (const std::string_view name : {"userId", "productName", "quantity"})
        if (request.parameter(name))
            return tl::unexpected{
                Response::invalid_field(name, "stands in the query beside a body; send one of them")};
    auto order = decode_order_form(request.body, request.principal.subject);
    if (!order) return tl::unexpected{answer_for(order.error())};
    return std::move(*order);
}

awaitable<Response> post_order(RouteParts& parts, Request& request) {
    if (!request.body.empty())
        if (auto refusal = http::refuse_unless_json(request)) co_return counted(parts, std::move(*refusal));
    auto form = request.body.empty() ? form_of_query(request) : form_of_body(request);
    if (!form) co_return counted(parts, std::move(form.error()));
    if (auto refusal = http::refuse_sender(request, form->user_id, "userId"))
        co_return counted(parts, std::move(*refusal));
    const auto task_id = co_await parts.intake.order(form->user_id, form->product_name, form->quantity);
    if (!task_id) co_return counted(parts, answer_for(task_id.error()));
    std::string body = "{\"taskId\":";
    event::append_json_string(body, *task_id);
    co_return Response::json(body += '}', 202).with("Location", "/api/v2/progress/status/" + *task_id);
}

// A stream if there is room for one; V1 has no source.
Response open_stream(RouteParts& parts, const Request& request, broadcast::SessionKind kind,
                     broadcast::Topic topic, std::string_view user_id,
                     std::unique_ptr<broadcast::StreamSource> source) {
    auto ticket = parts.admission.admit(user_id, request.peer);
    if (!ticket) return http::sse_busy(request);
    return http::sse_response(
        request, {.kind = kind,
                  .topic = std::move(topic),
                  .source = std::move(source),
                  .options = &parts.sse,
                  .ticket = std::move(*ticket),
                  .latest_wins = kind == broadcast::SessionKind::v1 ? &parts.v1_streams : nullptr});
}

awaitable<Response> subscribe_user(RouteParts& parts, Request& request) {
    auto user_id = reader_of(request);
    if (!user_id) co_return std::move(user_id.error());
    auto source = parts.sources.of_user(*user_id, http::cursor_of(request));
    co_return open_stream(parts, request, broadcast::SessionKind::user,
                          {&category, broadcast::Topic::By::subject, *user_id}, *user_id, std::move(source));
}

awaitable<Response> subscribe_task(RouteParts& parts, Request& request) {
    auto task_id = id_of(request.path_parameter("taskId"), "taskId");
    if (!task_id) co_return std::move(task_id.error());
    std::string user_id;
    if (!http::user_named(request).empty() || request.parameter("userId")) {
        auto user = reader_of(request);
        if (!user) co_return std::move(user.error());
        user_id = std::move(*user);
    }
    const std::string cursor = http::cursor_of(request);
    switch (co_await parts.sources.enter(*task_id, user_id, cursor)) {
        case Entry::not_owner:
            co_return Response::problem(403, "not-owner", "the task belongs to another user");
        case Entry::finished: {
            Response over;
            over.status = 204;
            co_return over;
        }
        case Entry::stream:
            break;
    }
    auto source = parts.sources.of_task(*task_id, user_id, cursor);
    co_return open_stream(parts, request, broadcast::SessionKind::task,
                          {&category, broadcast::Topic::By::stream, *task_id}, user_id, std::move(source));
}

awaitable<Response> subscribe_v1(RouteParts& parts, Request& request) {
    auto user_id = reader_of(request);
    if (!user_id) co_return std::move(user_id.error());
    co_return open_stream(parts, request, broadcast::SessionKind::v1,
                          {&category, broadcast::Topic::By::subject, *user_id}, *user_id, nullptr);
}

}  // namespace

std::vector<http::Route> progress_routes(RouteParts given) {
    const auto parts = std::make_shared<RouteParts>(std::move(given));
    const auto to = [parts](awaitable<Response> (*handle)(RouteParts&, Request&)) -> http::Handler {
        return [parts, handle](Request& request, Context) { return handle(*parts, request); };
    };
    // A client that gets no stream must not keep a connection: so many are turned away that it matters.
    const auto stream = [parts](awaitable<Response> (*handle)(RouteParts&, Request&)) -> http::Handler {
        return [parts, handle](Request& request, Context) -> awaitable<Response> {
            Response response = co_await handle(*parts, request);
            response.close = response.takeover == nullptr;
            co_return response;
        };
    };
    using enum wire::Method;
    std::vector<http::Route> routes{
        {get, "/api/v2/progress/subscribe", stream(subscribe_user), api::subscribe_user},
        {get, "/api/v2/progress/subscribe/{taskId}", stream(subscribe_task), api::subscribe_task},
        {get, "/api/v1/progress/subscribe", stream(subscribe_v1), api::subscribe_v1},
        {get, "/api/v2/progress/status/{taskId}", to(get_status), api::status},
        {get, "/api/v2/progress/history/{taskId}", to(get_history), api::history},
        {get, "/api/v2/progress/user/{userId}", to(get_user), api::user},
        {post, "/api/v2/progress/events", to(post_events), api::events},
        {get, "/api/v2/progress/monitor",
         [parts](Request& request, Context) -> awaitable<Response> {
             co_return Response::json(co_await parts->monitor(request.is_local()));
         },
         api::monitor},
    };
    if (parts->orders_enabled)
        routes.push_back({post, "/api/v2/progress/orders", to(post_order), api::orders});
    return routes;
}

}  // namespace stepcast::progress

#include "domain/shop/notification_routes.hpp"

#include <fmt/format.h>
#include <memory>

#include "domain/shop/answers.hpp"
#include "domain/shop/callers.hpp"
#include "domain/shop/customer_api.hpp"
#include "http/answers.hpp"
#include "http/conditions.hpp"
#include "http/paging.hpp"
#include "http/past.hpp"

namespace stepcast::shop {
namespace {

using aio::awaitable;
using http::Context;
using http::Request;
using http::Response;

constexpr std::size_t max_listed = 1'000;

struct NotificationParts {
    Notifications& notifications;
    domain::Parts parts;
};

/// What a caller has read.
struct SentMark {
    std::string user_id{};
    std::int64_t up_to = 0;

    template <class Self, class F>
    static void fields(Self& self, F f) {
        f("userId", self.user_id, may);
        f("upTo", self.up_to, must);
    }
};

awaitable<Response> get_notifications(NotificationParts& parts, Request& request) {
    auto slice = http::slice_of(request, max_listed);
    if (!slice) co_return std::move(slice.error());
    auto user = reader_of(request);
    if (!user) co_return std::move(user.error());
    if (auto late = co_await domain::wait_for(parts.parts.hub, parts.parts.core, request))
        co_return std::move(*late);
    auto list = co_await parts.notifications.list(*user, slice->from, slice->limit);
    if (!list) co_return answer_for(list.error());
    Response response = Response::json(std::move(list->json));
    if (list->next != 0)
        response.with("Link", http::next_link(request, fmt::format("userId={}&", domain::path_segment(*user)),
                                              list->next, slice->limit));
    co_return std::move(response).with("Cache-Control", http::users_own);
}

awaitable<Response> mark_read(NotificationParts& parts, Request& request) {
    if (auto refusal = http::refuse_unless_json(request)) co_return std::move(*refusal);
    auto sent = from_json<SentMark>(request.body);
    if (!sent) co_return answer_for(sent.error());
    auto user = reader_of(request, std::move(sent->user_id));
    if (!user) co_return std::move(user.error());
    auto marked = co_await parts.notifications.mark_read(*user, static_cast<event::Version>(sent->up_to),
                                                         domain::cause_of(request));
    co_return marked ? domain::answer_for(std::move(*marked)) : answer_for(marked.error());
}

awaitable<Response> subscribe(NotificationParts& parts, Request& request) {
    auto user = reader_of(request);
    if (!user) co_return std::move(user.error());
    auto ticket = parts.parts.admission.admit(*user, request.peer);
    if (!ticket) co_return http::sse_busy(request);
    co_return http::sse_response(request,
                                 {.kind = broadcast::SessionKind::user,
                                  .topic = {&notification_category, broadcast::Topic::By::subject, *user},
                                  .source = parts.notifications.source_of(*user, http::cursor_of(request)),
                                  .options = &parts.parts.sse,
                                  .ticket = std::move(*ticket)});
}

}  // namespace

std::vector<http::Route> notification_routes(Notifications& notifications, const domain::Parts& its_parts) {
    const auto parts = std::make_shared<NotificationParts>(NotificationParts{notifications, its_parts});
    const auto to = [parts](awaitable<Response> (*handle)(NotificationParts&, Request&)) -> http::Handler {
        return [parts, handle](Request& request, Context) { return handle(*parts, request); };
    };
    // A client that gets no stream must not keep a connection.
    const auto stream = [parts](Request& request, Context) -> awaitable<Response> {
        Response response = co_await subscribe(*parts, request);
        response.close = response.takeover == nullptr;
        co_return response;
    };
    using enum wire::Method;
    return {
        {get, "/api/notifications", to(get_notifications), api::notifications},
        {post, "/api/notifications/read", to(mark_read), api::read_notifications},
        {get, "/api/notifications/subscribe", stream, api::subscribe_notifications},
    };
}

}  // namespace stepcast::shop

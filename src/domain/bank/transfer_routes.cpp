#include "domain/bank/transfer_routes.hpp"

#include <fmt/format.h>

#include "base/hash.hpp"
#include "base/random.hpp"
#include "domain/bank/answers.hpp"
#include "domain/bank/transfer_api.hpp"
#include "event/ids.hpp"
#include "http/access.hpp"
#include "http/conditions.hpp"
#include "http/past.hpp"

namespace stepcast::bank {
namespace {

using http::Context;
using http::Request;
using http::Response;

result<std::string, Response> id_of(const Request& request) {
    const auto id = request.path_parameter("id");
    if (const auto fault = event::fault_of_id(id); !fault.empty())
        return tl::unexpected{Response::invalid_field("id", fault)};
    return std::string{id};
}

awaitable<Response> post_transfer(Transfers& transfers, Request& request) {
    if (auto refusal = http::refuse_unless_json(request)) co_return std::move(*refusal);
    auto sent = decode_sent_transfer(request.body);
    if (!sent) co_return answer_for(sent.error());
    co_return co_await begin_transfer(transfers, request, std::move(*sent));
}

awaitable<Response> get_transfer(Transfers& transfers, Request& request) {
    auto id = id_of(request);
    if (!id) co_return std::move(id.error());
    const auto view = co_await transfers.view(std::move(*id));
    if (!view) co_return answer_for(view.error());
    if (!may_see_all(request))
        if (auto refusal = http::refuse_other(request, view->transfer.owner)) co_return std::move(*refusal);
    co_return Response::json(encode_transfer(view->id, view->transfer, view->version))
        .with("ETag", http::etag_of(view->version))
        .with("Cache-Control", http::users_own);
}

}  // namespace

awaitable<Response> begin_transfer(Transfers& transfers, const Request& request, SentTransfer sent) {
    auto key = domain::keyed_call(request, "transfers");
    if (!key) co_return std::move(key.error());
    if (sent.id.empty())
        sent.id = *key ? fmt::format("key-{:016x}{:016x}", stable_hash((*key)->id),
                                     stable_hash("transfer\n" + (*key)->id))
                       : random_uuid();
    auto cause = domain::cause_of(request, sent.id);
    auto begun =
        co_await transfers.begin({.id = std::move(sent.id),
                                  .from = std::move(sent.from),
                                  .to = std::move(sent.to),
                                  .amount = sent.amount,
                                  .caller = may_see_all(request) ? std::string{} : request.principal.subject,
                                  .cause = std::move(cause)});
    co_return begun ? domain::answer_for(std::move(*begun)) : answer_for(begun.error());
}

std::vector<http::Route> transfer_routes(Transfers& transfers) {
    const auto to = [&transfers](awaitable<Response> (*handle)(Transfers&, Request&)) -> http::Handler {
        return [&transfers, handle](Request& request, Context) { return handle(transfers, request); };
    };
    using enum wire::Method;
    return {
        {post, "/api/transfers", to(post_transfer), api::begin_transfer},
        {get, "/api/transfers/{id}", to(get_transfer), api::transfer},
    };
}

}  // namespace stepcast::bank

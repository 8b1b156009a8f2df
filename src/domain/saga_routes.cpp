#include "domain/saga_routes.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "aio/spawn.hpp"
#include "domain/calls.hpp"
#include "domain/saga_list.hpp"
#include "domain/schemas.hpp"
#include "event/ids.hpp"
#include "event/json.hpp"
#include "http/access.hpp"
#include "http/answers.hpp"
#include "http/past.hpp"

namespace stepcast::domain {
namespace {

using aio::awaitable;
using flow::saga_errc;
using http::Answer;
using http::Parameter;
using http::Request;
using http::Response;
using http::Schema;
using enum Parameter::In;

constexpr Schema saga_view{"Saga", R"({
  "type":"object","required":["sagaId","saga","status","step","version","updatedAt","steps"],
  "properties":{
    "sagaId":{"type":"string"},
    "saga":{"type":"string","description":"Its kind"},
    "status":{"type":"string","enum":["RUNNING","COMPENSATING","COMPLETED","COMPENSATED","STUCK"]},
    "step":{"type":"string","description":"Where it is"},
    "owner":{"type":"string"},"reason":{"type":"string"},
    "version":{"type":"integer","minimum":1},"updatedAt":{"type":"string","format":"date-time"},
    "steps":{"type":"array","items":{"type":"object","required":["step","status"],
      "properties":{"step":{"type":"string"},"status":{"type":"string",
        "enum":["PENDING","RUNNING","DONE","REFUSED","UNDOING","UNDONE","STUCK"]}}}}}})"};
constexpr Schema resumed{"SagaResumed", R"({
  "type":"object","required":["success"],"properties":{"success":{"type":"boolean"}}})"};

constexpr Parameter id_row{path, "id", "The saga; of a transfer or an order its id", id_schema, true};
constexpr Parameter kind_row{query, "saga", "Its kind, where sagas of two kinds have one id",
                             R"({"type":"string"})"};

const auto& later = unavailable_answer;
const Answer bad{400, "The call is malformed; `field` names the place"};
const Answer unknown{404, "No such saga"};

const http::RouteInfo get_info{
    .summary = "The steps of a saga",
    .description = "For its owner and for operators.",
    .access = http::Access::user,
    .parameters = {id_row, kind_row},
    .answers = {{.status = 200, .meaning = "The saga", .schema = &saga_view, .headers = {"ETag"}},
                bad,
                {403, "It belongs to another user"},
                unknown,
                later},
};
const http::RouteInfo resume_info{
    .summary = "Let a saga that is stuck go on",
    .access = http::Access::admin,
    .parameters = {id_row,
                   kind_row,
                   {query, "step",
                    "The step to undo next; those between it and where the saga is stuck were undone by hand",
                    R"({"type":"string"})"}},
    .body = &http::nothing_asked,
    .body_required = false,
    .answers = {{.status = 202,
                 .meaning = "It goes on with undoing the step that it was stuck at, or `step`",
                 .schema = &resumed,
                 .headers = {"Stepcast-Position"}},
                bad,
                unknown,
                {409, "It is not stuck"},
                later},
};

Response answer_error(const Error& error) {
    static const std::array<http::AnswerRow, 8> rows{{
        {saga_errc::unknown_saga, 404, "unknown-saga"},
        {saga_errc::not_stuck, 409, "not-stuck"},
        {saga_errc::unknown_step, 400, "unknown-step"},
        {saga_errc::unreadable, 500, "unreadable"},
        {store::errc::unavailable, 503, "store-unavailable"},
        {store::errc::full, 503, "store-full"},
        {store::errc::wrong_expected_version, 503, "busy"},
        {event::schema_errc::unknown_schema, 500, "unreadable"},
    }};
    return http::answer_for(error, rows);
}

struct Found {
    flow::ProcessManager* kind = nullptr;
    flow::Loaded saga;
};

class Sagas {
  public:
    Sagas(std::vector<flow::ProcessManager*> kinds, const flow::FeedHub& hub, aio::Strand core)
        : kinds_{std::move(kinds)}, hub_{hub}, core_{std::move(core)} {}

    awaitable<Response> get(Request& request) {
        const auto asked = ask(request);
        if (const auto fault = event::fault_of_id(asked.id); !fault.empty())
            co_return Response::invalid_field("id", fault);
        // Everything of a state is read where it belongs; only texts come back.
        auto seen = co_await aio::run_on(core_, [this, asked] { return see(asked); });
        if (!seen) co_return answer_error(seen.error());
        const bool sees_all = request.principal.anonymous || request.principal.scopes.admin;
        if (!sees_all)
            if (auto refusal = http::refuse_other(request, seen->owner)) co_return std::move(*refusal);
        co_return Response::json(std::move(seen->json))
            .with("ETag", http::etag_of(seen->version))
            .with("Cache-Control", http::users_own);
    }

    awaitable<Response> resume(Request& request) {
        if (auto refusal = http::refuse_other_than_nothing(request)) co_return std::move(*refusal);
        const auto asked = ask(request);
        if (const auto fault = event::fault_of_id(asked.id); !fault.empty())
            co_return Response::invalid_field("id", fault);
        auto done = co_await aio::run_on(core_, [this, asked] { return go_on(asked); });
        if (!done) co_return answer_error(done.error());
        co_return answer_for(
            Written{{.status = 202, .body = R"({"success":true})", .location = {}}, done->position});
    }

  private:
    struct Asked {
        std::string id;
        std::string kind;
        std::string step;
    };
    struct Seen {
        std::string json;
        std::string owner;
        event::Version version = 0;
    };

    static Asked ask(const Request& request) {
        return {std::string{request.path_parameter("id")},
                std::string{request.parameter("saga").value_or("")},
                std::string{request.parameter("step").value_or("")}};
    }

    awaitable<result<Found>> find(const Asked& asked) {
        for (auto* kind : kinds_) {
            if (!asked.kind.empty() && asked.kind != kind->plan().name()) continue;
            auto saga = co_await kind->load(asked.id);
            if (saga) co_return Found{kind, std::move(*saga)};
            if (saga.error().code != saga_errc::unknown_saga) co_return tl::unexpected{saga.error()};
        }
        if (!hub_.live()) co_return fail(store::errc::unavailable, {}, "the store is being read");
        co_return fail(saga_errc::unknown_saga);
    }

    awaitable<result<Seen>> see(const Asked& asked) {
        const auto found = co_await find(asked);
        if (!found) co_return tl::unexpected{found.error()};
        const auto& plan = found->kind->plan();
        const auto& state = *found->saga.state;
        co_return Seen{to_json(asked.id, plan, state, found->saga.version), plan.owner(state),
                       found->saga.version};
    }

    awaitable<result<store::Receipt>> go_on(const Asked& asked) {
        const auto found = co_await find(asked);
        if (!found) co_return tl::unexpected{found.error()};
        co_return co_await found->kind->resume(asked.id, asked.step);
    }

    static std::string to_json(const std::string& id, const flow::SagaPlan& plan,
                               const flow::Aggregate& aggregate, event::Version version) {
        const auto& state = *plan.saga(aggregate);
        const auto steps = plan.steps();
        boost::json::object out{{"sagaId", id},
                                {"saga", plan.name()},
                                {"status", flow::name_of(state.status)},
                                {"step", steps[state.step].name}};
        if (auto owner = plan.owner(aggregate); !owner.empty()) out["owner"] = std::move(owner);
        if (auto reason = plan.reason(aggregate); !reason.empty()) out["reason"] = std::move(reason);
        out["version"] = version;
        out["updatedAt"] = format_rfc3339(state.since);
        auto& list = out["steps"].emplace_array();
        for (std::size_t i = 0; i < steps.size(); ++i)
            list.push_back(
                boost::json::object{{"step", steps[i].name}, {"status", flow::step_status(state, i)}});
        std::string text;
        event::append_json_value(text, out);
        return text;
    }

    const std::vector<flow::ProcessManager*> kinds_;
    const flow::FeedHub& hub_;
    const aio::Strand core_;
};

}  // namespace

std::vector<http::Route> saga_routes(std::vector<flow::ProcessManager*> kinds, const flow::FeedHub& hub,
                                     const aio::Strand& core) {
    auto list = saga_list_route(kinds, core);
    const auto sagas = std::make_shared<Sagas>(std::move(kinds), hub, core);
    return {
        std::move(list),
        {wire::Method::get, "/api/sagas/{id}",
         [sagas](Request& request, http::Context) { return sagas->get(request); }, get_info},
        {wire::Method::post, "/api/sagas/{id}/resume",
         [sagas](Request& request, http::Context) { return sagas->resume(request); }, resume_info},
    };
}

}  // namespace stepcast::domain

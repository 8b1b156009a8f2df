#include "domain/saga_list.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <string>

#include "aio/spawn.hpp"
#include "event/json.hpp"
#include "http/links.hpp"
#include "http/parameters.hpp"

namespace stepcast::domain {
namespace {

namespace json = boost::json;
using aio::awaitable;
using flow::OpenSagas;
using flow::ProcessManager;
using flow::SagaStatus;
using http::Request;
using http::Response;
using http::Schema;
using enum http::Parameter::In;

constexpr std::size_t most_listed = 1'000;
constexpr std::size_t listed_by_default = 100;

constexpr Schema saga_page{"SagaPage", R"({
  "type":"object","required":["sagas","counts"],
  "properties":{
    "sagas":{"type":"array","items":{"type":"object","required":["sagaId","saga","status","step","startedAt","updatedAt"],
      "properties":{
        "sagaId":{"type":"string"},"saga":{"type":"string","description":"Its kind"},
        "status":{"type":"string","enum":["STUCK","COMPENSATING","RUNNING"]},
        "step":{"type":"string","description":"Where it is"},
        "startedAt":{"type":"string","format":"date-time"},
        "updatedAt":{"type":"string","format":"date-time","description":"Of its last move"}}}},
    "counts":{"type":"object","required":["STUCK","COMPENSATING","RUNNING"],
      "description":"How many stand so, of all kinds, or of the one that is asked for",
      "additionalProperties":{"type":"integer","minimum":0}}}})"};

const http::RouteInfo list_info{
    .summary = "Sagas that have not ended, and how many stand where",
    .description =
        "First those that are stuck and wait for somebody, then those that are undone, then those "
        "that run; by kind and id. One that moves while a list is read on may be missed, or come "
        "twice. Those that have ended are not listed: `GET /api/sagas/{id}` still tells of them.",
    .access = http::Access::admin,
    .parameters = {{query, "status", "Only those that stand so",
                    R"({"type":"string","enum":["STUCK","COMPENSATING","RUNNING"]})"},
                   {query, "saga", "Only those of this kind", R"({"type":"string"})"},
                   {query, "after", "Where the list goes on: from a `Link` header", R"({"type":"string"})"},
                   {query, "limit", "At most so many; `Link: rel=\"next\"` goes on behind them",
                    R"({"type":"integer","minimum":1,"maximum":1000,"default":100})"}},
    .answers = {{.status = 200, .meaning = "The sagas", .schema = &saga_page, .headers = {"Link"}},
                {400, "A parameter is malformed; `field` names it"}},
};

std::optional<SagaStatus> status_named(std::string_view name) {
    const auto found =
        std::ranges::find(OpenSagas::statuses, name, [](SagaStatus status) { return flow::name_of(status); });
    return found == OpenSagas::statuses.end() ? std::nullopt : std::optional{*found};
}

/// Where a saga stands in the list.
struct Place {
    SagaStatus status = OpenSagas::statuses.front();
    std::string kind{};
    std::string id{};
};

// No kind has a space in its name.
std::string to_text(const Place& place) {
    return fmt::format("{} {} {}", flow::name_of(place.status), place.kind, place.id);
}

std::optional<Place> read_place(std::string_view text) {
    const auto first = text.find(' ');
    const auto second = first == text.npos ? text.npos : text.find(' ', first + 1);
    if (second == text.npos) return std::nullopt;
    const auto status = status_named(text.substr(0, first));
    if (!status) return std::nullopt;
    return Place{*status, std::string{text.substr(first + 1, second - first - 1)},
                 std::string{text.substr(second + 1)}};
}

struct Question {
    std::optional<SagaStatus> status{};
    std::string kind{};
    std::optional<Place> after{};
    std::size_t limit = listed_by_default;
};

result<Question, Response> ask(const Request& request) {
    Question question;
    if (const auto name = request.parameter("status")) {
        question.status = status_named(*name);
        if (!question.status)
            return tl::unexpected{
                Response::invalid_field("status", "must be STUCK, COMPENSATING or RUNNING")};
    }
    question.kind = request.parameter("saga").value_or("");
    if (const auto text = request.parameter("after")) {
        question.after = read_place(*text);
        if (!question.after)
            return tl::unexpected{Response::invalid_field("after", "must come from a Link header")};
    }
    auto limit = http::optional_number(request, "limit", {.min = 1, .max = most_listed});
    if (!limit) return tl::unexpected{std::move(limit.error())};
    question.limit = static_cast<std::size_t>(limit->value_or(listed_by_default));
    return question;
}

json::object shown(const ProcessManager& kind, const OpenSagas::Entry& entry) {
    const auto& [id, state] = entry;
    return {{"sagaId", id},
            {"saga", kind.plan().name()},
            {"status", flow::name_of(state.status)},
            {"step", kind.plan().steps()[state.step].name},
            {"startedAt", format_rfc3339(state.begun)},
            {"updatedAt", format_rfc3339(state.since)}};
}

class List {
  public:
    List(std::vector<ProcessManager*> kinds, aio::Strand core)
        : kinds_{std::move(kinds)}, core_{std::move(core)} {
        std::ranges::sort(kinds_, {}, [](const auto* kind) { return kind->plan().name(); });
    }

    awaitable<Response> answer(const Request& request) {
        auto question = ask(request);
        if (!question) co_return std::move(question.error());
        auto found = co_await aio::run_on(core_, [&]() -> awaitable<Found> { co_return find(*question); });
        std::string text;
        event::append_json_value(text, found.page);
        auto response = Response::json(std::move(text)).with("Cache-Control", "no-store");
        if (found.next) response.with("Link", http::link_behind(request, to_text(*found.next)));
        co_return response;
    }

  private:
    struct Found {
        json::object page;
        std::optional<Place> next;
    };

    Found find(const Question& question) const {
        Found found;
        json::array sagas;
        json::object counts;
        Place last;
        for (const auto status : OpenSagas::statuses) {
            std::size_t count = 0;
            for (const auto* kind : kinds_) {
                if (!question.kind.empty() && kind->plan().name() != question.kind) continue;
                count += kind->open().count(status);
                if (question.status.value_or(status) != status || found.next) continue;
                const auto behind = begin_of(question.after, status, kind->plan().name());
                if (!behind) continue;
                for (const auto& entry :
                     kind->open().list(status, *behind, question.limit + 1 - sagas.size())) {
                    if (sagas.size() == question.limit) {
                        found.next = last;
                        break;
                    }
                    sagas.push_back(shown(*kind, entry));
                    last = {status, std::string{kind->plan().name()}, entry.id};
                }
            }
            counts[flow::name_of(status)] = count;
        }
        found.page = {{"sagas", std::move(sagas)}, {"counts", std::move(counts)}};
        return found;
    }

    /// Behind which id those of a kind and a status are still to be listed; nothing: behind none.
    static std::optional<std::string> begin_of(const std::optional<Place>& after, SagaStatus status,
                                               std::string_view kind) {
        if (!after) return "";
        const auto rank = [](SagaStatus one) { return std::ranges::find(OpenSagas::statuses, one); };
        if (rank(status) != rank(after->status))
            return rank(status) > rank(after->status) ? std::optional<std::string>{""} : std::nullopt;
        if (kind == after->kind) return after->id;
        return kind > after->kind ? std::optional<std::string>{""} : std::nullopt;
    }

    std::vector<ProcessManager*> kinds_;
    const aio::Strand core_;
};

}  // namespace

http::Route saga_list_route(std::vector<ProcessManager*> kinds, const aio::Strand& core) {
    const auto list = std::make_shared<List>(std::move(kinds), core);
    return {wire::Method::get, "/api/sagas",
            [list](Request& request, http::Context) { return list->answer(request); }, list_info};
}

}  // namespace stepcast::domain

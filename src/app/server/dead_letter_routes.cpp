#include "app/server/dead_letter_routes.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "aio/spawn.hpp"
#include "app/server/api.hpp"
#include "base/text.hpp"
#include "event/json.hpp"
#include "http/answers.hpp"
#include "http/parameters.hpp"

namespace stepcast::app {
namespace {

namespace json = boost::json;
using event::json_of_bytes;
using http::Request;
using http::Response;

constexpr std::size_t most_listed = 1000;
constexpr std::size_t listed = 100;

Response letter_answer(const Error& error) {
    using flow::letter_errc;
    static const std::array<http::AnswerRow, 6> rows{{
        {letter_errc::unknown, 404, "unknown-letter"},
        {letter_errc::running, 409, "still-running"},
        {letter_errc::exhausted, 409, "attempts-exhausted"},
        {letter_errc::no_consumer, 503, "no-consumer"},
        {store::errc::unavailable, 503, "store-unavailable"},
        {store::errc::full, 503, "store-full"},
    }};
    return http::answer_for(error, rows);
}

json::object shown(event::Position number, const flow::Letter& letter, Timestamp parked_at) {
    json::object object{{"id", std::to_string(number)},
                        {"consumer", letter.consumer},
                        {"topic", letter.topic},
                        {"partition", letter.place.partition},
                        {"offset", letter.place.offset}};
    if (letter.key) object["key"] = json_of_bytes(*letter.key);
    object["errorClass"] = json_of_bytes(letter.error_class);
    object["errorMessage"] = json_of_bytes(letter.error_message);
    object["attempts"] = letter.attempts;
    object["behind"] = letter.behind;
    object["timestamp"] = format_rfc3339(letter.timestamp);
    object["parkedAt"] = format_rfc3339(parked_at);
    return object;
}

Response answered(const json::value& value, int status = 200) {
    std::string text;
    event::append_json_value(text, value);
    return Response::json(std::move(text), status).with("Cache-Control", "no-store");
}

result<event::Position, Response> number_of(const Request& request) {
    const auto number = parse_number<event::Position>(request.path_parameter("id"));
    if (!number) return tl::unexpected{letter_answer(Error{flow::letter_errc::unknown, {}, {}})};
    return *number;
}

aio::awaitable<Response> list(flow::LetterBox& box, const Request& request) {
    auto behind = http::optional_number(request, "after", {.min = 0});
    if (!behind) co_return std::move(behind.error());
    auto most = http::optional_number(request, "limit", {.min = 1, .max = most_listed});
    if (!most) co_return std::move(most.error());
    const event::Position after = behind->value_or(0);
    const std::size_t limit = most->value_or(listed);
    auto found =
        co_await aio::run_on(box.core(), [&]() -> aio::awaitable<std::vector<flow::LetterBox::Parked>> {
            co_return box.list(after, limit + 1);
        });
    const bool more = found.size() > limit;
    if (more) found.pop_back();
    json::array array;
    for (const auto& parked : found) {
        auto object = shown(parked.number, parked.letter, parked.parked_at);
        object["redrives"] = parked.redrives;
        array.push_back(std::move(object));
    }
    auto response = answered(array);
    if (more)
        response.with("Link", fmt::format("</api/dead-letters?after={}&limit={}>; rel=\"next\"",
                                          found.back().number, limit));
    co_return response;
}

aio::awaitable<Response> one(flow::LetterBox& box, const Request& request) {
    auto number = number_of(request);
    if (!number) co_return std::move(number.error());
    const auto history =
        co_await aio::run_on(box.core(), [&box, number = *number] { return box.history(number); });
    if (!history) co_return letter_answer(history.error());
    const auto& letter = history->letter;
    auto object = shown(*number, letter, history->parked_at);
    object["status"] = history->status;
    if (letter.value) object["value"] = json_of_bytes(*letter.value);
    object["redrives"] = history->attempts.size();
    json::array headers, attempts;
    for (const auto& [name, value] : letter.headers)
        headers.push_back(json::array{json_of_bytes(name), json_of_bytes(value)});
    object["headers"] = std::move(headers);
    for (const auto& [result, at, what] : history->attempts) {
        constexpr std::string_view results[]{"", "handled", "failed", "given-up"};
        json::object attempt{{"attempt", what.attempt},
                             {"result", results[static_cast<std::size_t>(result)]},
                             {"at", format_rfc3339(at)}};
        if (!what.by.empty()) attempt["by"] = json_of_bytes(what.by);
        if (result == flow::LetterEvent::failed) attempt["errorMessage"] = json_of_bytes(what.error_message);
        attempts.push_back(std::move(attempt));
    }
    object["history"] = std::move(attempts);
    co_return answered(object);
}

aio::awaitable<Response> redrive(flow::LetterBox& box, const Request& request) {
    if (auto refusal = http::refuse_other_than_nothing(request)) co_return std::move(*refusal);
    auto number = number_of(request);
    if (!number) co_return std::move(number.error());
    const auto begun = co_await aio::run_on(
        box.core(),
        [&box, number = *number, by = request.principal.subject]() -> aio::awaitable<result<void>> {
            co_return box.redrive(number, by);
        });
    if (!begun) co_return letter_answer(begun.error());
    co_return answered(json::object{{"success", true}}, 202)
        .with("Location", fmt::format("/api/dead-letters/{}", *number));
}

aio::awaitable<Response> give_up(flow::LetterBox& box, const Request& request) {
    auto number = number_of(request);
    if (!number) co_return std::move(number.error());
    const auto done = co_await aio::run_on(
        box.core(),
        [&box, number = *number, by = request.principal.subject] { return box.give_up(number, by); });
    if (!done) co_return letter_answer(done.error());
    co_return answered(json::object{{"success", true}});
}

}  // namespace

std::vector<http::Route> dead_letter_routes(flow::LetterBox& box) {
    const auto to =
        [&box](aio::awaitable<Response> (*handle)(flow::LetterBox&, const Request&)) -> http::Handler {
        return [&box, handle](Request& request, http::Context) { return handle(box, request); };
    };
    using enum wire::Method;
    return {
        {get, "/api/dead-letters", to(list), api::dead_letters},
        {get, "/api/dead-letters/{id}", to(one), api::dead_letter},
        {del, "/api/dead-letters/{id}", to(give_up), api::give_up_letter},
        {post, "/api/dead-letters/{id}/redrive", to(redrive), api::redrive},
    };
}

}  // namespace stepcast::app

#include "domain/calls.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "aio/spawn.hpp"
#include "base/hash.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "event/spans.hpp"
#include "http/parameters.hpp"
#include "http/past.hpp"
#include "wire/request.hpp"

namespace stepcast::domain {
namespace {

using http::Request;
using http::Response;

constexpr std::size_t max_key_bytes = 255;
constexpr std::chrono::seconds patience{5};

/// The line up to the next line feed, which is taken off with it.
std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

}  // namespace

// Neither a location nor a number holds a line feed.
std::string to_text(const Answer& answer) {
    return fmt::format("{}\n{}\n{}\n{}", answer.status, answer.version, answer.location, answer.body);
}

std::optional<Answer> read_answer(std::string_view text) {
    const auto status = parse_number<int>(take_line(text));
    const auto version = parse_number<event::Version>(take_line(text));
    if (!status || !version) return std::nullopt;
    Answer answer{.status = *status, .body = {}, .location{take_line(text)}, .version = *version};
    answer.body = text;
    return answer;
}

Response answer_for(Written written) {
    auto& [answer, position, replayed] = written;
    Response response = Response::json(std::move(answer.body), answer.status);
    response.with("Stepcast-Position", std::to_string(position));
    if (answer.version != 0) response.with("ETag", http::etag_of(answer.version));
    if (!answer.location.empty()) response.with("Location", std::move(answer.location));
    if (replayed) response.with("Idempotency-Replayed", "true");
    return response;
}

result<std::optional<flow::KeyedCall>, Response> keyed_call(const Request& request, std::string_view route) {
    const auto key = request.header("idempotency-key");
    if (!key) return std::optional<flow::KeyedCall>{};
    const bool printable = std::ranges::all_of(*key, [](char c) { return c > ' ' && c < '\x7f'; });
    if (key->empty() || key->size() > max_key_bytes || !printable)
        return tl::unexpected{Response::invalid_field(
            "Idempotency-Key", "must have 1 to 255 printable ASCII characters without spaces")};
    std::string whole = request.path;
    for (const auto& [name, value] : request.query) whole.append("\n").append(name).append("=").append(value);
    whole.append("\n\n").append(request.body);
    return std::optional{flow::KeyedCall{fmt::format("{}\n{} {}\n{}", request.principal.subject,
                                                     wire::method_name(request.method), route, *key),
                                         stable_hash(whole)}};
}

result<std::optional<event::Version>, Response> expected_version(const Request& request) {
    const auto given = request.header("if-match");
    if (!given || *given == "*") return std::optional<event::Version>{};
    std::string_view text = *given;
    if (text.starts_with("\"v") && text.ends_with('"') && text.size() > 3)
        if (const auto version = parse_number<event::Version>(text.substr(2, text.size() - 3)))
            return std::optional{*version};
    return tl::unexpected{Response::invalid_field("If-Match", "must be one version, such as \"v7\"")};
}

Response wrong_version(event::Version expected, event::Version actual) {
    Response response = Response::problem(412, "wrong-expected-version",
                                          fmt::format("version {} was expected, it is {}", expected, actual));
    response.body.back() = ',';  // in place of the brace that it ended with
    response.body.append(fmt::format(R"("expected":{},"actual":{}}})", expected, actual));
    return response;
}

aio::awaitable<std::optional<Response>> wait_for(flow::FeedHub& hub, const aio::Strand& core,
                                                 const Request& request) {
    auto position = http::optional_number(request, "wait", {.min = 0});
    if (!position) co_return std::move(position.error());
    if (!*position) co_return std::nullopt;
    const auto there = co_await aio::run_on(core, [&hub, wanted = **position] {
        return hub.wait_applied(static_cast<event::Position>(wanted), patience);
    });
    if (there) co_return std::nullopt;
    co_return Response::problem(504, "not-in-time", "what was waited for has not been seen yet", "wait");
}

event::Metadata cause_of(const Request& request, std::string correlation_id) {
    event::Metadata cause{.correlation_id =
                              correlation_id.empty() ? random_uuid() : std::move(correlation_id)};
    if (!request.trace_id().empty())
        cause.traceparent = event::pass_on(request.header("traceparent").value_or(""));
    if (request.principal.subject.size() <= event::max_metadata_text) cause.actor = request.principal.subject;
    return cause;
}

}  // namespace stepcast::domain

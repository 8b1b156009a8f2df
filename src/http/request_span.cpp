#include "http/request_span.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "http/cors.hpp"
#include "wire/request.hpp"

namespace stepcast::http {

event::OpenSpan begin_span(Request& request) {
    if (event::span_sink.load(std::memory_order_relaxed) == nullptr) return {};
    const bool named = !request.trace_id().empty();
    if (!named && !is_unsafe(request.method)) return {};
    constexpr auto kind = event::Span::Kind::server;
    auto span =
        named ? event::OpenSpan::within(*request.header("traceparent"), kind) : event::OpenSpan::first(kind);
    if (!span) return span;  // not sampled: it goes on as it came
    std::erase_if(request.headers, [](const auto& field) { return field.first == "traceparent"; });
    request.headers.emplace_back("traceparent", span.traceparent());
    return span;
}

void end_span(event::OpenSpan& span, const Request& request, std::string_view route, int status) {
    if (!span) return;
    const auto method = wire::method_name(request.method);
    span.call(fmt::format("{} {}", method, route));
    span.add("http.request.method", std::string{method});
    span.add("http.route", std::string{route});
    span.add("http.response.status_code", std::int64_t{status});
    if (status >= 500) span.fail();
    span.end();
}

}  // namespace stepcast::http

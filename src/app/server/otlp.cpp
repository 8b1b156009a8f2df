#include "app/server/span_exporter.hpp"
#include "domain/object.hpp"

namespace stepcast::app {
namespace {

using domain::Object;

std::string nanoseconds(event::Span::Time time) {
    return std::to_string(time.time_since_epoch().count());
}

// 64-bit numbers are texts in the JSON of protocol buffers.
void append_attribute(std::string& list, std::string_view name, const event::Span::Value& value) {
    if (list.back() != '[') list += ',';
    Object attribute{list};
    attribute.text("key", name);
    Object its{attribute.member("value")};
    if (const auto* text = std::get_if<std::string>(&value))
        its.text("stringValue", *text);
    else
        its.text("intValue", std::to_string(std::get<std::int64_t>(value)));
    its.end();
    attribute.end();
}

void append_span(std::string& list, const event::Span& span) {
    if (list.back() != '[') list += ',';
    Object out{list};
    out.text("traceId", span.trace_id)
        .text("spanId", span.id)
        .maybe("parentSpanId", span.parent_id)
        .text("name", span.name)
        .number("kind", static_cast<int>(span.kind))
        .text("startTimeUnixNano", nanoseconds(span.start))
        .text("endTimeUnixNano", nanoseconds(span.end));
    auto& attributes = out.member("attributes") += '[';
    for (const auto& [name, value] : span.attributes) append_attribute(attributes, name, value);
    attributes += ']';
    constexpr int failed = 2;  // STATUS_CODE_ERROR
    if (span.failed) Object{out.member("status")}.number("code", failed).end();
    out.end();
}

}  // namespace

std::string to_otlp(std::span<const event::Span> spans, std::string_view service, std::string_view version) {
    std::string body = R"({"resourceSpans":[{"resource":{"attributes":[)";
    append_attribute(body, "service.name", std::string{service});
    append_attribute(body, "service.version", std::string{version});
    body += R"(]},"scopeSpans":[{"scope":{"name":"stepcast"},"spans":[)";
    for (const auto& span : spans) append_span(body, span);
    return body += "]}]}]}";
}

}  // namespace stepcast::app

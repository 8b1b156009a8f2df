#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "http/openapi.hpp"

namespace stepcast::http {
namespace {

namespace json = boost::json;

/// Of a cell of a table.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '|' ? std::string{"\\|"} : std::string{c};
    return out;
}

std::string text_of(const json::value& value) {
    return value.is_string() ? std::string{value.get_string()} : json::serialize(value);
}

/// "integer, 1 to 10000": what a JSON Schema demands of a value.
std::string demands(const json::object& schema) {
    std::string out;
    const auto add = [&](std::string_view text) { out.append(out.empty() ? "" : ", ").append(text); };
    if (const auto* type = schema.if_contains("type")) {
        std::string types;
        for (const auto& one : type->is_array() ? type->get_array() : json::array{*type})
            types.append(types.empty() ? "" : " or ").append(text_of(one));
        add(types);
    }
    if (const auto* format = schema.if_contains("format")) add(text_of(*format));
    if (const auto* listed = schema.if_contains("enum")) {
        std::string values;
        for (const auto& one : listed->as_array())
            values.append(values.empty() ? "" : " ").append("`").append(text_of(one)).append("`");
        add(values);
    }
    const auto* least = schema.if_contains("minimum");
    const auto* most = schema.if_contains("maximum");
    if (least != nullptr && most != nullptr && *most != json::value(INT64_MAX))
        add(fmt::format("{} to {}", text_of(*least), text_of(*most)));
    else if (least != nullptr)
        add("from " + text_of(*least));
    if (const auto* longest = schema.if_contains("maxLength"))
        add(fmt::format("up to {} characters", text_of(*longest)));
    return out;
}

std::string link_to(const Schema& schema, Shape shape) {
    std::string name{schema.name};
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const std::string link = fmt::format("[{}](#{})", schema.name, name);
    if (shape == Shape::one) return link;
    return (shape == Shape::list ? "array of " : "one or an array of ") + link;
}

void add_parameters(std::string& out, const RouteInfo& info) {
    static constexpr std::array<std::string_view, 3> places{"path", "query", "header"};
    if (info.parameters.empty()) return;
    out += "| parameter | in | value | |\n|---|---|---|---|\n";
    for (const Parameter& parameter : info.parameters)
        fmt::format_to(std::back_inserter(out), "| `{}`{} | {} | {} | {} |\n", parameter.name,
                       parameter.required ? "" : "?", places[static_cast<std::size_t>(parameter.in)],
                       cell(demands(json::parse(parameter.schema).as_object())), cell(parameter.meaning));
    out += '\n';
}

std::string body_of(const Answer& answer) {
    if (answer.schema != nullptr) return link_to(*answer.schema, answer.shape);
    if (answer.status >= 400) return link_to(problem_schema, Shape::one);
    return answer.type.empty() ? "" : fmt::format("`{}`", answer.type);
}

void add_answers(std::string& out, const std::vector<Answer>& answers) {
    out += "| answer | body | |\n|---|---|---|\n";
    for (const Answer& answer : answers) {
        std::string headers;
        for (const auto name : answer.headers) headers.append("; `").append(name).append("`");
        fmt::format_to(std::back_inserter(out), "| {} | {} | {}{} |\n", answer.status, body_of(answer),
                       cell(answer.meaning), headers);
    }
    out += '\n';
}

void add_events(std::string& out, const std::vector<const MessageInfo*>& events) {
    if (events.empty()) return;
    out += "| event | id | data | |\n|---|---|---|---|\n";
    for (const auto* event : events)
        fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} | {} |\n", event->name,
                       event->has_id ? "yes" : "no", link_to(*event->payload, Shape::one),
                       cell(event->meaning));
    out += '\n';
}

void add_operation(std::string& out, const Route& row) {
    static constexpr std::array<std::string_view, 4> rules{"", "anybody", "a user, for what is its own",
                                                           "admin"};
    const RouteInfo& info = row.info;
    fmt::format_to(std::back_inserter(out), "### {} {}\n\n{}.", wire::method_name(row.method), row.pattern,
                   info.summary);
    if (!info.description.empty()) out.append(" ").append(info.description);
    fmt::format_to(std::back_inserter(out), " Access: {}.\n\n", rules[static_cast<std::size_t>(info.access)]);
    add_parameters(out, info);
    if (info.body != nullptr)
        fmt::format_to(std::back_inserter(out), "Body{}: {}.\n\n", info.body_required ? "" : " (optional)",
                       link_to(*info.body, info.body_shape));
    add_answers(out, info.answers);
    add_events(out, info.events);
}

void add_schema(std::string& out, const Schema& schema) {
    const auto parsed = json::parse(schema.json).as_object();
    fmt::format_to(std::back_inserter(out), "### {}\n\n", schema.name);
    if (const auto* meaning = parsed.if_contains("description")) out.append(text_of(*meaning)).append("\n\n");
    const auto* members = parsed.if_contains("properties");
    if (members == nullptr) return;
    json::array required;
    if (const auto* names = parsed.if_contains("required")) required = names->as_array();
    out += "| member | value | |\n|---|---|---|\n";
    for (const auto& [name, value] : members->as_object()) {
        const auto& member = value.as_object();
        const auto* meaning = member.if_contains("description");
        const bool always = std::ranges::find(required, json::value(name)) != required.end();
        fmt::format_to(std::back_inserter(out), "| `{}`{} | {} | {} |\n", std::string_view{name},
                       always ? "" : "?", cell(demands(member)),
                       meaning != nullptr ? cell(text_of(*meaning)) : "");
    }
    out += '\n';
}

constexpr std::string_view preface =
    "# The interface\n\n"
    "Made by `stepcast openapi --markdown` from the server's endpoint table; `/openapi.json` is the same for "
    "machines, `/asyncapi.json` tells\nits streams and the topics. A `?` marks what may be absent. How a "
    "stream reads stands in [protocol.md](protocol.md).\n\n"
    "JSON in UTF-8, camelCase. GET serves HEAD too. A body is sent as `application/json`; under curl's "
    "default "
    "form type it is taken only\nwithout `Origin` and `Cookie`. Every refusal is a [Problem](#problem) as "
    "`application/problem+json`. Besides its own answers every call may\nget these:\n\n";

}  // namespace

std::string api_markdown(const std::deque<Route>& table) {
    std::string out{preface};
    add_answers(
        out, common_answers(
                 {.method = Method::post, .pattern = {}, .handler = {}, .info = {.access = Access::admin}}));
    std::vector<std::string_view> chapters;
    std::vector<const Schema*> schemas{&problem_schema};
    const auto collect = [&](const Schema* schema) {
        if (schema != nullptr && std::ranges::find(schemas, schema) == schemas.end())
            schemas.push_back(schema);
    };
    for (const Route& row : table) {
        if (!row.info.documented) continue;
        if (std::ranges::find(chapters, chapter_of(row)) == chapters.end())
            chapters.push_back(chapter_of(row));
        collect(row.info.body);
        for (const Answer& answer : row.info.answers) collect(answer.schema);
        for (const auto* event : row.info.events) collect(event->payload);
    }
    for (const auto chapter : chapters) {
        fmt::format_to(std::back_inserter(out), "## {}\n\n", chapter);
        for (const Route& row : table)
            if (row.info.documented && chapter_of(row) == chapter) add_operation(out, row);
    }
    out += "## Shapes\n\n";
    for (const Schema* schema : schemas) add_schema(out, *schema);
    out.pop_back();
    return out;
}

}  // namespace stepcast::http

#include "http/openapi.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <map>

#include "http/cors.hpp"

namespace stepcast::http {
namespace {

namespace json = boost::json;

constexpr std::string_view problem_type = "application/problem+json";

json::object reference(std::string_view name) {
    return {{"$ref", "#/components/schemas/" + std::string{name}}};
}

json::object shaped(const Schema& schema, Shape shape) {
    const json::object list{{"type", "array"}, {"items", reference(schema.name)}};
    if (shape == Shape::one) return reference(schema.name);
    if (shape == Shape::list) return list;
    return {{"oneOf", json::array{reference(schema.name), list}}};
}

json::object content_of(const Answer& answer) {
    json::object content;
    if (answer.schema != nullptr)
        content[answer.type] = {{"schema", shaped(*answer.schema, answer.shape)}};
    else if (answer.status < 300 && !answer.type.empty())
        content[answer.type] = {{"schema", {{"type", "string"}}}};
    if (answer.status >= 400) content[problem_type] = {{"schema", reference(problem_schema.name)}};
    return content;
}

json::object headers_of(const Answer& answer) {
    json::object headers;
    for (const auto name : answer.headers)
        headers[name] = {{"description", header_meaning(name)}, {"schema", {{"type", "string"}}}};
    return headers;
}

json::object response_of(const Answer& answer) {
    json::object response{{"description", answer.meaning}};
    if (auto headers = headers_of(answer); !headers.empty()) response["headers"] = std::move(headers);
    if (auto content = content_of(answer); !content.empty()) response["content"] = std::move(content);
    return response;
}

json::object responses_of(const Route& row) {
    std::map<int, json::object> sorted;
    for (const Answer& answer : row.info.answers) sorted.emplace(answer.status, response_of(answer));
    for (const Answer& answer : common_answers(row)) sorted.emplace(answer.status, response_of(answer));
    json::object responses;
    for (auto& [status, response] : sorted) responses[std::to_string(status)] = std::move(response);
    return responses;
}

json::array parameters_of(const RouteInfo& info) {
    static constexpr std::array<std::string_view, 3> places{"path", "query", "header"};
    json::array parameters;
    for (const Parameter& parameter : info.parameters)
        parameters.push_back(json::object{{"name", parameter.name},
                                          {"in", places[static_cast<std::size_t>(parameter.in)]},
                                          {"description", parameter.meaning},
                                          {"required", parameter.required},
                                          {"schema", json::parse(parameter.schema)}});
    return parameters;
}

json::object body_of(const RouteInfo& info) {
    json::object schema = shaped(*info.body, info.body_shape);
    if (info.body_shape == Shape::either) schema["oneOf"].as_array()[1].as_object()["minItems"] = 1;
    return {{"required", info.body_required},
            {"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
}

json::object operation_of(const Route& row, bool tokens) {
    const RouteInfo& info = row.info;
    json::object operation{{"operationId", operation_id(row)},
                           {"tags", json::array{chapter_of(row)}},
                           {"summary", info.summary},
                           {"x-access", access_names[static_cast<std::size_t>(info.access)]}};
    if (!info.description.empty()) operation["description"] = info.description;
    if (is_unsafe(row.method)) operation["x-idempotent"] = info.idempotent;
    if (!info.parameters.empty()) operation["parameters"] = parameters_of(info);
    if (info.body != nullptr) operation["requestBody"] = body_of(info);
    operation["responses"] = responses_of(row);
    if (tokens && info.access != Access::open)
        operation["security"] = json::array{json::object{{"bearer", json::array{}}}};
    return operation;
}

/// Makes a required text one that may be absent.
void make_optional(json::object& schema, std::string_view member) {
    auto& required = schema["required"].as_array();
    required.erase(std::ranges::find(required, json::value(json::string_view{member.data(), member.size()})));
    schema["properties"].as_object()[member].as_object()["type"] = json::array{"string", "null"};
}

void collect(json::object& schemas, const Schema* schema, bool tokens) {
    if (schema == nullptr || schemas.contains(schema->name)) return;
    auto& parsed = schemas[schema->name] = json::parse(schema->json);
    if (tokens && !schema->by_token.empty()) make_optional(parsed.as_object(), schema->by_token);
}

}  // namespace

const Schema problem_schema{"Problem", R"({
  "type":"object","description":"Why a request is refused (RFC 9457).",
  "required":["type","title","status","detail","code"],
  "properties":{
    "type":{"type":"string"},"title":{"type":"string"},
    "status":{"type":"integer","minimum":400,"maximum":599},
    "detail":{"type":"string","description":"One sentence for people"},
    "code":{"type":"string","description":"For programs, in kebab-case"},
    "field":{"type":"string","description":"The input that is wrong"},
    "traceId":{"type":"string","description":"Of the request's traceparent"}}})"};

std::vector<Answer> common_answers(const Route& row) {
    const auto access = row.info.access;
    const bool unsafe = is_unsafe(row.method);
    std::vector<Answer> common;
    const auto add = [&](bool applies, Answer answer) {
        const bool own =
            std::ranges::find(row.info.answers, answer.status, &Answer::status) != row.info.answers.end();
        if (applies && !own) common.push_back(std::move(answer));
    };
    add(true, {400, "The request is malformed"});
    add(access != Access::open,
        {.status = 401, .meaning = "No valid token came with the request", .headers = {"WWW-Authenticate"}});
    add(unsafe || access != Access::open,
        {403, "The page that calls is of a foreign origin, or the caller may not do that"});
    add(true, {408, "The request took too long to arrive"});
    add(unsafe, {413, "The body is larger than `http.max_body`, or than the bus takes"});
    add(true, {414, "The request line is longer than `http.max_request_line`"});
    add(unsafe, {415, "The body is declared as something else than JSON in UTF-8, or is coded"});
    add(unsafe, {417, "An `Expect` other than 100-continue"});
    add(!row.info.any_host, {421, "The server does not answer under that Host"});
    add(!row.info.any_host, {.status = 429,
                             .meaning = "Its address or user sends more than `limits.*` allow",
                             .headers = {"Retry-After"}});
    add(true, {431, "More headers than `http.max_headers`, or longer than `http.max_header_bytes`"});
    add(true, {.status = 503, .meaning = "The server holds as much as it may", .headers = {"Retry-After"}});
    return common;
}

std::string operation_id(const Route& row) {
    std::string id{wire::method_name(row.method)};
    std::ranges::transform(id, id.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    for (const char c : row.pattern)
        if (c == '/' || c == '.')
            id += '_';
        else if (c != '{' && c != '}')
            id += c;
    return id;
}

std::string_view chapter_of(const Route& row) {
    std::string_view path = row.pattern;
    if (!path.starts_with("/api/")) return "operations";
    path.remove_prefix(5);
    if (path.size() > 3 && path[0] == 'v' && path[2] == '/') path.remove_prefix(3);
    return path.substr(0, path.find('/'));
}

std::string_view header_meaning(std::string_view name) {
    if (name == "ETag") return "Names the version that the answer stands for; ask by `If-None-Match`";
    if (name == "Link") return "`rel=\"next\"`: the same list from where this answer ends, if it goes on";
    if (name == "WWW-Authenticate") return "How to prove who calls (RFC 6750)";
    if (name == "Set-Cookie") return "The session, or its end";
    if (name == "Location") return "Where the result is to be seen";
    if (name == "Stepcast-Position") return "Where the change stands: `?wait=` of a read waits for it";
    if (name == "Idempotency-Replayed") return "`true`: the call had been carried out before, under its key";
    if (name == "Retry-After") return "Seconds until it is worth another try";
    return {};
}

json::object openapi_document(const std::deque<Route>& table, const ApiInfo& info) {
    json::object paths, schemas;
    collect(schemas, &problem_schema, info.tokens);
    for (const Route& row : table) {
        if (!row.info.documented) continue;
        std::string method{wire::method_name(row.method)};
        std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
        if (!paths.contains(row.pattern)) paths[row.pattern] = json::object{};
        paths[row.pattern].as_object()[method] = operation_of(row, info.tokens);
        collect(schemas, row.info.body, info.tokens);
        for (const Answer& answer : row.info.answers) collect(schemas, answer.schema, info.tokens);
    }
    json::object components{{"schemas", std::move(schemas)}};
    if (info.tokens)
        components["securitySchemes"] = json::object{
            {"bearer", json::object{{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}}};
    return {
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "Stepcast"},
          {"version", info.version},
          {"summary", info.summary},
          {"description", "Made from the endpoint table of the server that answers. GET serves HEAD too."}}},
        {"servers", json::array{json::object{{"url", "/"}}}},
        {"paths", std::move(paths)},
        {"components", std::move(components)}};
}

}  // namespace stepcast::http

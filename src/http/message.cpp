#include "http/message.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "event/json.hpp"
#include "event/trace.hpp"
#include "wire/response.hpp"

namespace stepcast::http {
namespace {

template <class Pairs>
std::optional<std::string_view> find_first(const Pairs& pairs, std::string_view name) {
    for (const auto& [key, value] : pairs)
        if (key == name) return std::string_view{value};
    return std::nullopt;
}

}  // namespace

std::optional<std::string_view> Request::header(std::string_view name) const {
    return find_first(headers, name);
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
    return find_first(query, name);
}

std::string_view Request::path_parameter(std::string_view name) const {
    return find_first(path_parameters, name).value_or(std::string_view{});
}

std::string_view Request::trace_id() const {
    const auto named = [](const auto& field) { return field.first == "traceparent"; };
    if (std::ranges::count_if(headers, named) != 1) return {};
    const auto read = event::read_traceparent(*header("traceparent"));
    return read ? read->trace_id : std::string_view{};
}

bool Request::is_local() const {
    const auto by_proxy = [](const auto& field) {
        return field.first == "forwarded" || field.first == "via" || field.first == "x-real-ip" ||
               field.first.starts_with("x-forwarded-");
    };
    return peer.is_loopback() && std::ranges::none_of(headers, by_proxy);
}

Response Response::json(std::string body, int status) {
    Response response;
    response.status = status;
    response.headers.reserve(4);  // with what the connection adds
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = std::move(body);
    return response;
}

Response Response::problem(int status, std::string_view code, std::string_view reason,
                           std::string_view field) {
    Response response;
    response.status = status;
    response.code = code;
    response.headers.emplace_back("Content-Type", "application/problem+json");
    std::string& body = response.body;
    body = R"({"type":"about:blank","title":)";
    event::append_json_string(body, wire::reason_phrase(status));
    body += R"(,"status":)";
    append_number(body, status);
    body += R"(,"detail":)";
    event::append_json_string(
        body, field.empty() ? std::string{reason} : std::string{field}.append(": ").append(reason));
    body += R"(,"code":)";
    event::append_json_string(body, code);
    if (!field.empty()) {
        body += R"(,"field":)";
        event::append_json_string(body, field);
    }
    body += '}';
    return response;
}

void Response::name_trace(const Request& request) {
    if (code.empty()) return;
    const auto id = request.trace_id();
    if (id.empty()) return;
    body.back() = ',';  // in place of the brace that `problem` ended with
    body.append(R"("traceId":")").append(id).append("\"}");
}

}  // namespace stepcast::http

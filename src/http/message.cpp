#include "http/message.hpp"

#include "base/text.hpp"
#include "event/json.hpp"
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

Response Response::json(std::string body, int status) {
    Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = std::move(body);
    return response;
}

Response Response::problem(int status, std::string_view code, std::string_view detail,
                           std::string_view field) {
    Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/problem+json");
    std::string& body = response.body;
    body = R"({"type":"about:blank","title":)";
    event::append_json_string(body, wire::reason_phrase(status));
    body += R"(,"status":)";
    append_number(body, status);
    body += R"(,"detail":)";
    event::append_json_string(body, detail);
    body += R"(,"code":)";
    event::append_json_string(body, code);
    if (!field.empty()) {
        body += R"(,"field":)";
        event::append_json_string(body, field);
    }
    body += '}';
    return response;
}

}  // namespace stepcast::http

#include "http/conditions.hpp"

#include <algorithm>

#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

Response unsupported(std::string_view reason) {
    return Response::problem(415, "unsupported-media-type", reason);
}

/// The value of a parameter of ";a=b; c=d", without its quotes; empty if it is absent.
std::string_view parameter_of(std::string_view parameters, std::string_view name) {
    while (!parameters.empty()) {
        const auto end = parameters.find(';');
        const auto parameter = wire::trim(parameters.substr(0, end));
        parameters.remove_prefix(end == std::string_view::npos ? parameters.size() : end + 1);
        const auto equals = parameter.find('=');
        if (equals == std::string_view::npos || !wire::equal_ignoring_case(parameter.substr(0, equals), name))
            continue;
        auto value = parameter.substr(equals + 1);
        if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"'))
            value = value.substr(1, value.size() - 2);
        return value;
    }
    return {};
}

/// A weight as a list states it ("0.5", RFC 9110 §12.4.2) in thousandths: 1000 if it is absent, 0 if it is
/// none.
int weight_of(std::string_view parameters) {
    const auto text = parameter_of(parameters, "q");
    if (text.empty()) return 1000;
    if (text.size() > 5 || (text[0] != '0' && text[0] != '1') || (text.size() > 1 && text[1] != '.'))
        return 0;
    int thousandths = text[0] == '1' ? 1000 : 0;
    int place = 100;
    for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
        if (!wire::is_digit(c)) return 0;
        thousandths += (c - '0') * place;
        place /= 10;
    }
    return std::min(thousandths, 1000);
}

std::string_view without_weak_mark(std::string_view etag) {
    return etag.starts_with("W/") ? etag.substr(2) : etag;
}

/// Entity tags may hold commas, so the list is read tag by tag.
bool lists_tag(std::string_view list, std::string_view etag) {
    while (true) {
        const auto first = list.find('"');
        const auto last = first == std::string_view::npos ? first : list.find('"', first + 1);
        if (last == std::string_view::npos) return false;
        if (list.substr(first, last - first + 1) == etag) return true;
        list.remove_prefix(last + 1);
    }
}

}  // namespace

bool not_modified(const Request& request, std::string_view etag) {
    const auto asked = request.header("if-none-match");
    return asked && (*asked == "*" || lists_tag(*asked, without_weak_mark(etag)));
}

bool prefers_gzip(const Request& request) {
    std::optional<int> gzip, identity, any;
    for (const auto& [name, value] : request.headers) {
        if (name != "accept-encoding") continue;
        wire::each_list_element(value, [&](std::string_view element) {
            const auto end = std::min(element.find(';'), element.size());
            const auto coding = wire::trim(element.substr(0, end));
            const int weight = weight_of(element.substr(end));
            if (wire::equal_ignoring_case(coding, "gzip") || wire::equal_ignoring_case(coding, "x-gzip"))
                gzip = weight;
            else if (wire::equal_ignoring_case(coding, "identity"))
                identity = weight;
            else if (coding == "*")
                any = weight;
        });
    }
    const int weight = gzip.value_or(any.value_or(0));
    return weight > 0 && weight >= identity.value_or(any.value_or(0));
}

std::optional<Response> refuse_coded(const Request& request) {
    bool coded = false;
    for (const auto& [name, value] : request.headers) {
        if (name != "content-encoding") continue;
        wire::each_list_element(value, [&](std::string_view coding) {
            coded = coded || !wire::equal_ignoring_case(coding, "identity");
        });
    }
    if (!coded) return std::nullopt;
    return unsupported("send the body as it is, without Content-Encoding")
        .with("Accept-Encoding", "identity");
}

std::optional<Response> refuse_unless_json(const Request& request) {
    const auto header = request.header("content-type").value_or("");
    const auto end = std::min(header.find(';'), header.size());
    const auto type = wire::trim(header.substr(0, end));
    const auto charset = parameter_of(header.substr(end), "charset");
    if (!charset.empty() && !wire::equal_ignoring_case(charset, "utf-8"))
        return unsupported("send the body in UTF-8, the only charset of JSON");
    if (wire::equal_ignoring_case(type, "application/json")) return std::nullopt;
    const bool simple = type.empty() || wire::equal_ignoring_case(type, "application/x-www-form-urlencoded");
    if (simple && !request.header("origin") && !request.header("cookie")) return std::nullopt;
    return unsupported("send the body with Content-Type: application/json");
}

}  // namespace stepcast::http

#include "domain/progress/answers.hpp"

#include <spdlog/spdlog.h>

#include "bus/bus.hpp"
#include "domain/progress/codec.hpp"
#include "domain/progress/service.hpp"

namespace stepcast::progress {
namespace {

http::Response later(std::string_view code, std::string_view detail) {
    return http::Response::problem(503, code, detail).with("Retry-After", "2");
}

http::Response for_event(const Error& error) {
    switch (static_cast<errc>(error.code.value())) {
        case errc::malformed:
            return http::Response::problem(400, "malformed", error.detail, error.field);
        case errc::conflict:
            return http::Response::problem(409, "idempotency-conflict", error.detail, error.field);
        case errc::not_owner:
            return http::Response::problem(400, "not-owner", error.detail, error.field);
        case errc::invalid_field:
        case errc::tombstone:
            break;
    }
    return http::Response::invalid_field(error.field,
                                         error.detail.empty() ? error.code.message() : error.detail);
}

http::Response for_query(const Error& error) {
    const std::string text = error.code.message();
    switch (static_cast<query_errc>(error.code.value())) {
        case query_errc::unknown_task:
            return http::Response::problem(404, "unknown-task", text);
        case query_errc::beyond_head:
            return http::Response::problem(404, "unknown-version", text);
        case query_errc::trimmed:
            return http::Response::problem(410, "version-gone", text);
        case query_errc::rebuilding:
            return later("rebuilding", text);
        case query_errc::unavailable:
            break;
    }
    return later("store-unavailable", text);
}

http::Response for_bus(const Error& error) {
    switch (static_cast<bus::errc>(error.code.value())) {
        case bus::errc::busy:
            return later("busy", error.text());
        case bus::errc::too_large:
            return http::Response::problem(413, "too-large", error.text());
        case bus::errc::unavailable:
        case bus::errc::unknown_topic:
        case bus::errc::closed:
            break;
    }
    return later("bus-unavailable", error.text());
}

}  // namespace

http::Response answer_for(const Error& error) {
    const auto& category_of_error = error.code.category();
    if (category_of_error == make_error_code(errc{}).category()) return for_event(error);
    if (category_of_error == make_error_code(query_errc{}).category()) return for_query(error);
    if (category_of_error == bus::make_error_code(bus::errc{}).category()) return for_bus(error);
    spdlog::error("unexpected error at the door: {}", error.text());
    return http::Response::problem(500, "internal", "something went wrong");
}

}  // namespace stepcast::progress

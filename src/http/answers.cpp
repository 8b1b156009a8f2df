#include "http/answers.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <array>

#include "bus/bus.hpp"
#include "event/json.hpp"

namespace stepcast::http {
namespace {

const AnswerRow* row_of(const Error& error, std::span<const AnswerRow> rows) {
    const auto row = std::ranges::find(rows, error.code, &AnswerRow::error);
    return row == rows.end() ? nullptr : &*row;
}

std::span<const AnswerRow> bus_rows() {
    using bus::errc;
    static const std::array<AnswerRow, 5> rows{{
        {errc::busy, 503, "busy"},
        {errc::too_large, 413, "too-large"},
        {errc::unavailable, 503, "bus-unavailable"},
        {errc::unknown_topic, 503, "bus-unavailable"},
        {errc::closed, 503, "bus-unavailable"},
    }};
    return rows;
}

}  // namespace

const Schema nothing_asked{
    "Nothing", R"({"type":"object","description":"Nothing is asked for: members are not looked at."})"};

std::optional<Response> refuse_other_than_nothing(const Request& request) {
    if (request.body.empty()) return std::nullopt;
    const auto body = event::parse_json(request.body);
    if (body && body->is_object()) return std::nullopt;
    return Response::problem(400, "malformed", "the body must be a JSON object, or absent");
}

Response later(std::string_view code, std::string_view detail) {
    return Response::problem(503, code, detail).with("Retry-After", "2");
}

Response answer_for(const Error& error, std::span<const AnswerRow> rows) {
    const AnswerRow* row = row_of(error, rows);
    if (row == nullptr) row = row_of(error, bus_rows());
    if (row == nullptr) {
        spdlog::error("unexpected error in a request: {}", error.text());
        return Response::problem(500, "internal", "something went wrong");
    }
    const std::string detail = error.detail.empty() ? error.code.message() : error.detail;
    if (row->status == 503) return later(row->code, detail);
    return Response::problem(row->status, row->code, detail, error.field);
}

}  // namespace stepcast::http

#include <algorithm>
#include <ctime>

#include "aio/spawn.hpp"
#include "base/random.hpp"
#include "http/stream/sse_session.hpp"
#include "wire/response.hpp"

namespace stepcast::http {
namespace {

class SseTakeover final : public Takeover {
  public:
    SseTakeover(wire::Headers headers, SseStart start)
        : headers_{std::move(headers)}, start_{std::move(start)} {}

    void start(aio::Transport transport, std::string, broadcast::Lane& lane) override {
        std::string head;
        wire::ResponseHead fields;
        const std::string date = wire::format_http_date(std::time(nullptr));
        fields.date = date;
        fields.persistence = wire::Persistence::close;
        fields.chunked = start_.chunked;
        wire::append_response_head(head, fields, headers_);
        auto session = std::make_unique<SseSession>(std::move(transport), lane, std::move(start_));
        aio::spawn(lane.strand(), "stream", [session = std::move(session), head = std::move(head)]() mutable {
            return session->run(std::move(head));
        });
    }

  private:
    wire::Headers headers_;
    SseStart start_;
};

/// The moment on the steady clock, on which streams wait.
std::chrono::steady_clock::time_point end_of(const auth::Principal& principal, const Clock& clock) {
    if (principal.expires == Timestamp::max()) return std::chrono::steady_clock::time_point::max();
    // A token may end in the year 9999, which must not overflow the sum.
    constexpr Duration longest = std::chrono::hours{24 * 3660};
    return std::chrono::steady_clock::now() +
           std::clamp(principal.expires - clock.now(), Duration{0}, longest);
}

void add_stream_headers(Response& response) {
    response.headers.emplace_back("Content-Type", "text/event-stream");
    response.headers.emplace_back("Cache-Control", "no-cache, no-store, no-transform");
    response.headers.emplace_back("X-Accel-Buffering", "no");
}

/// So that those who were turned away do not come back together.
std::int64_t spread_seconds() {
    return 5 + static_cast<std::int64_t>(random_u64() % 26);
}

}  // namespace

Response sse_response(const Request& request, SseStart start) {
    if (const auto beat = request.parameter("beat"); beat && *beat != "0") {
        if (*beat != "1") return Response::invalid_field("beat", "is 0 or 1");
        start.beat = true;
    }
    start.chunked = !request.http_1_0;
    start.revoked = request.principal.revoked;
    start.expires = end_of(request.principal, *start.options->clock);
    Response response;
    add_stream_headers(response);
    wire::Headers headers = response.headers;
    headers.insert(headers.end(), request.answer_headers.begin(), request.answer_headers.end());
    response.takeover = std::make_unique<SseTakeover>(std::move(headers), std::move(start));
    return response;
}

Response sse_turned_away(const Request& request, Response otherwise, std::chrono::seconds wait) {
    const auto accept = request.header("accept");
    if (!accept || accept->find("text/event-stream") == std::string_view::npos) {
        otherwise.close = true;
        return otherwise;
    }
    Response response;
    add_stream_headers(response);
    response.body = ":\nretry: " + std::to_string((wait.count() + spread_seconds()) * 1000) + "\n\n";
    response.close = true;
    return response;
}

Response sse_busy(const Request& request) {
    return sse_turned_away(request,
                           Response::problem(503, "busy", "as many streams are open as this server takes")
                               .with("Retry-After", std::to_string(spread_seconds())));
}

}  // namespace stepcast::http

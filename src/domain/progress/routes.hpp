#pragma once
#include <functional>
#include <string>
#include <vector>

#include "domain/progress/intake.hpp"
#include "domain/progress/sources.hpp"
#include "http/route.hpp"
#include "http/stream/sse_session.hpp"

namespace stepcast::progress {

/// What the routes stand on; all of it outlives the server.
struct RouteParts {
    ProgressEventService& service;
    ProgressSources& sources;
    ProgressIntake& intake;
    const http::SseOptions& sse;
    http::SseAdmission& admission;
    http::LatestWins& v1_streams;
    /// The JSON of GET …/monitor; `local`: for a client on this machine, who may see its paths.
    std::function<awaitable<std::string>(bool local)> monitor;
    bool orders_enabled = true;
};

/// The seeds' ProgressEventController: every call under /api/v1/progress and /api/v2/progress.
std::vector<http::Route> progress_routes(RouteParts parts);

}  // namespace stepcast::progress

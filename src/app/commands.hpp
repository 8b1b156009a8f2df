#pragma once
#include <string>
#include <string_view>

#include "app/config.hpp"
#include "client/url.hpp"

namespace stepcast::app {

/// The version of this build, from the project's one place.
std::string_view version();

/// Asks the configured server's /healthz. 0 if it answers 200 within five seconds, otherwise 1 and a line on
/// stderr.
int healthcheck(const Config& config);

struct EmitOptions {
    client::Url server;
    std::string event;  ///< one ProgressEvent as JSON; empty: NDJSON from stdin
};

/// Posts progress events and prints, for each that was accepted, one line of JSON with its eventId and
/// taskId. Events without an eventId are given one first, so that a retry after 503 never doubles them. 0 if
/// all were accepted; otherwise 1 and a line on stderr that names the input's line.
int emit(const EmitOptions& options);

struct TailOptions {
    client::Url server;
    std::string user;    ///< all of a user's tasks, or
    std::string task;    ///< one task, whose end ends the command
    std::string cursor;  ///< where to begin; empty: with the current state
    bool json = false;   ///< NDJSON even on a terminal
};

/// Follows a stream: bars on a terminal, otherwise one line of JSON per frame. 0 when the stream has ended, 1
/// if it was refused or the task FAILED.
int tail(const TailOptions& options);

}  // namespace stepcast::app

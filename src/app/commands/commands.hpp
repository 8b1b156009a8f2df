#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "app/config/config.hpp"
#include "client/connection.hpp"

namespace stepcast::app {

/// Asks for /healthz wherever a server with these settings listens: its port, behind TLS if that is set, its
/// local socket, its admin port. 0 if all answer 200 within five seconds, otherwise 1 and a line on stderr.
int healthcheck(const Config& config);

enum class Interface : std::uint8_t { openapi, asyncapi, markdown };

/// Prints the interface of a server with the default settings. 0, or 1 and a line on stderr.
int print_interface(Interface form);

/// A server, and what a caller has for it.
struct CalledServer {
    client::Url url;
    std::string token{};    ///< sent with every request; empty: none
    client::Trust trust{};  ///< for https
};

struct EmitOptions {
    CalledServer server;
    std::string event;  ///< one ProgressEvent as JSON; empty: NDJSON from stdin
    /// How long an outage is borne once there is nothing more to read.
    std::chrono::seconds patience{60};
};

/// Posts progress events and prints, for each that was accepted, one line of JSON with its eventId and
/// taskId. Events without an eventId are given one first, so that a retry never doubles them. While the
/// server is away it is tried again, in order, and reading goes on as EmitInput says. The first SIGINT,
/// SIGTERM or SIGHUP ends the reading, and what was read is sent if the server takes it within 5 s; the
/// second ends that too.
///
/// 0 if all were accepted; 1 and a line on stderr that names the input's line otherwise; 128 and the signal's
/// number if one ended the input and all that was read was accepted.
int emit(const EmitOptions& options);

struct TailOptions {
    CalledServer server;
    std::string user;    ///< all of a user's tasks, or
    std::string task;    ///< one task, whose end ends the command
    std::string cursor;  ///< where to begin; empty: with the current state
    bool json = false;   ///< NDJSON even on a terminal
};

/// Follows a stream: bars on a terminal, otherwise one line of JSON per frame. 0 when the stream has ended, 1
/// if it was refused or the task FAILED.
int tail(const TailOptions& options);

struct RedriveOptions {
    CalledServer server;
    std::vector<std::string> ids;  ///< none, and not all: the letters are listed
    bool all = false;
};

/// Lists the dead letters, or has those given handed over again and waits for what becomes of them: one line
/// of JSON for each. 0 if all that were handed over are handled; 1, with a line on stderr, otherwise.
int redrive(const RedriveOptions& options);

}  // namespace stepcast::app

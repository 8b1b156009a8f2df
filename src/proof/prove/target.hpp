#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "client/url.hpp"
#include "proof/prove.hpp"

namespace stepcast::proof {

/// A server under proof: how it is started and how it is spoken to.
struct ProveTarget {
    std::string name;
    std::vector<std::string> command;  ///< empty: it runs elsewhere and is never stopped
    client::Url streams;               ///< the server of the streams; the target is `subscribe`
    client::Url posts;                 ///< the server of the posts; the target is `publish`
    std::string subscribe;             ///< request target with `{user}`
    std::string publish;               ///< request target with `{user}`, `{task}`, `{id}`
    std::string body = "{data}";
    std::string content_type = "application/json";
    std::string headers;      ///< further header lines, each with its line end
    std::string ready = "/";  ///< asked until it answers; Stepcast's must answer 200
    bool stepcast = false;    ///< numbers its events, announces resets, tells its state and its metrics
    bool keeps = false;       ///< promises to keep what it acknowledged over a kill
};

/// The target that the options name, on `port` of 127.0.0.1 where it is ours, with all its files in `folder`
/// and its topics, if any, prefixed by `token`. Writes the files that it needs.
result<ProveTarget> make_target(const ProveOptions& options, const std::string& folder, std::uint16_t port,
                                const std::string& token);

/// What its topics begin with; empty without Kafka.
std::string topic_prefix(const ProveOptions& options, const std::string& token);

/// The journal's bound in bytes: less than the run's own events and a `fill` need.
std::uint64_t journal_bound(const ProveOptions& options);

}  // namespace stepcast::proof

#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace stepcast::proof {

enum class Fault : std::uint8_t {
    cut,    ///< connections of subscribers are reset
    stall,  ///< subscribers stop reading for a while
    term,   ///< SIGTERM to the server, which is started again
    kill,   ///< SIGKILL to the server, which is started again
    fill,   ///< far more is published than the journal may hold
    freeze  ///< the broker is stopped for a while
};

std::string_view name_of(Fault fault);

struct ScriptStep {
    std::uint32_t at_ms = 0;  ///< from the start of the run
    Fault fault = Fault::cut;
    std::uint32_t for_ms = 0;          ///< stall, fill, freeze
    std::vector<std::uint32_t> who{};  ///< cut, stall: subscribers
};

struct ScriptOptions {
    std::uint64_t seed = 1;
    std::uint32_t seconds = 60;
    std::uint32_t subscribers = 2000;
    std::uint32_t kills = 5;
    std::uint32_t terms = 1;
    std::uint32_t fills = 0;
    std::uint32_t freezes = 0;
    std::uint32_t stalls = 2;
    /// The first so many subscribers are those that may stall; the others never do. At most `subscribers`.
    std::uint32_t may_stall = 0;
};

/// What a run does to the server and its subscribers, and when. The same options give the same script on
/// every machine.
struct Script {
    std::vector<ScriptStep> steps;  ///< by time

    std::size_t count(Fault fault) const;
    /// One line a step: "12.340 stall 3 s: 4 17 20".
    std::string text() const;
    /// Of `text()`; equal scripts have equal hashes in every process.
    std::uint64_t hash() const;
};

/// So many seconds that every fault has time to show its effect.
std::uint32_t comfortable_seconds(const ScriptOptions& options);

/// No two of stall, term, kill, fill and freeze overlap; the first seconds and the last are undisturbed. An
/// error if they do not fit into so few seconds.
result<Script> make_script(const ScriptOptions& options);

}  // namespace stepcast::proof

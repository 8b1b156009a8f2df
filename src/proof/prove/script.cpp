#include "proof/prove/script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <tuple>

#include "base/hash.hpp"

namespace stepcast::proof {
namespace {

constexpr std::uint32_t calm_before_ms = 2000;
constexpr std::uint32_t calm_after_ms = 1500;
constexpr std::uint32_t least_slot_ms = 1200;
constexpr std::uint32_t cut_every_ms = 100;
/// How long a subscriber keeps its connection on average before it is cut.
constexpr std::uint32_t cut_each_ms = 10'000;

/// std's distributions differ between libraries; this does not. The tiny bias does not matter here.
std::uint32_t below(std::mt19937_64& random, std::uint32_t bound) {
    return static_cast<std::uint32_t>(random() % bound);
}

template <class T>
void shuffle(std::vector<T>& items, std::mt19937_64& random) {
    for (std::size_t i = items.size(); i > 1; --i)
        std::swap(items[i - 1], items[below(random, static_cast<std::uint32_t>(i))]);
}

std::vector<Fault> faults_in_turn(const ScriptOptions& options, std::mt19937_64& random) {
    std::vector<Fault> faults;
    faults.insert(faults.end(), options.kills, Fault::kill);
    faults.insert(faults.end(), options.terms, Fault::term);
    faults.insert(faults.end(), options.fills, Fault::fill);
    faults.insert(faults.end(), options.freezes, Fault::freeze);
    if (options.may_stall > 0) faults.insert(faults.end(), options.stalls, Fault::stall);
    shuffle(faults, random);
    return faults;
}

std::uint32_t weight(Fault fault) {
    return fault == Fault::kill ? 2 : 3;
}

/// Up to `count` of the first `of` subscribers, each once, in rising order.
std::vector<std::uint32_t> some(std::uint32_t count, std::uint32_t of, std::mt19937_64& random) {
    std::vector<std::uint32_t> who;
    for (std::uint32_t i = 0; i < count; ++i) who.push_back(below(random, of));
    std::sort(who.begin(), who.end());
    who.erase(std::unique(who.begin(), who.end()), who.end());
    return who;
}

/// A fault in its slot: outages begin at any moment of the first half, the others fill all but the edges.
ScriptStep place(Fault fault, std::uint32_t from, std::uint32_t length, const ScriptOptions& options,
                 std::mt19937_64& random) {
    if (fault == Fault::kill || fault == Fault::term)
        return {.at_ms = from + below(random, length / 2), .fault = fault};
    ScriptStep step{.at_ms = from + below(random, length / 8), .fault = fault, .for_ms = length * 5 / 8};
    if (fault == Fault::stall) step.who = some(options.may_stall, options.may_stall, random);
    return step;
}

/// Every subscriber now and then, but nobody who is just stalling: a cut would end that.
void add_cuts(std::vector<ScriptStep>& steps, const ScriptOptions& options, std::mt19937_64& random) {
    const auto greater_faults = steps;
    const auto each_time =
        std::max<std::uint64_t>(1, std::uint64_t{options.subscribers} * cut_every_ms / cut_each_ms);
    for (std::uint32_t at = calm_before_ms; at + calm_after_ms < options.seconds * 1000; at += cut_every_ms) {
        ScriptStep cut{.at_ms = at + below(random, cut_every_ms), .fault = Fault::cut};
        cut.who = some(static_cast<std::uint32_t>(each_time), options.subscribers, random);
        const bool some_stall =
            std::any_of(greater_faults.begin(), greater_faults.end(), [&](const auto& step) {
                return step.fault == Fault::stall && step.at_ms <= cut.at_ms &&
                       cut.at_ms <= step.at_ms + step.for_ms;
            });
        if (some_stall) std::erase_if(cut.who, [&](auto who) { return who < options.may_stall; });
        if (!cut.who.empty()) steps.push_back(std::move(cut));
    }
}

}  // namespace

std::string_view name_of(Fault fault) {
    switch (fault) {
        case Fault::cut:
            return "cut";
        case Fault::stall:
            return "stall";
        case Fault::term:
            return "term";
        case Fault::kill:
            return "kill";
        case Fault::fill:
            return "fill";
        case Fault::freeze:
            return "freeze";
    }
    return "";
}

std::size_t Script::count(Fault fault) const {
    return static_cast<std::size_t>(
        std::count_if(steps.begin(), steps.end(), [fault](const auto& step) { return step.fault == fault; }));
}

std::string Script::text() const {
    std::string out;
    for (const auto& step : steps) {
        out += fmt::format("{}.{:03} {}", step.at_ms / 1000, step.at_ms % 1000, name_of(step.fault));
        if (step.for_ms > 0) out += fmt::format(" for {} ms", step.for_ms);
        if (!step.who.empty()) out += fmt::format(": {}", fmt::join(step.who, " "));
        out += '\n';
    }
    return out;
}

std::uint64_t Script::hash() const {
    return stable_hash(text());
}

std::uint32_t comfortable_seconds(const ScriptOptions& options) {
    constexpr std::uint32_t unit_ms = 2500;
    std::mt19937_64 random{options.seed};
    std::uint32_t weights = 0;
    for (const auto fault : faults_in_turn(options, random)) weights += weight(fault);
    return (calm_before_ms + calm_after_ms + weights * unit_ms + 999) / 1000;
}

result<Script> make_script(const ScriptOptions& options) {
    std::mt19937_64 random{options.seed};
    const auto faults = faults_in_turn(options, random);
    std::uint32_t weights = 0;
    for (const auto fault : faults) weights += weight(fault);
    const std::uint32_t end_ms = options.seconds * 1000;
    const std::uint32_t calm_ms = calm_before_ms + calm_after_ms;
    const std::uint32_t unit_ms = weights == 0 || end_ms <= calm_ms ? 0 : (end_ms - calm_ms) / weights;
    if (end_ms <= calm_ms || (weights > 0 && 2 * unit_ms < least_slot_ms)) {
        const auto needed = (calm_ms + least_slot_ms * weights / 2 + 999) / 1000;
        return fail(std::make_error_code(std::errc::invalid_argument), "seconds",
                    fmt::format("{} faults need at least {} seconds", faults.size(), needed));
    }
    Script script;
    std::uint32_t from = calm_before_ms;
    for (const auto fault : faults) {
        script.steps.push_back(place(fault, from, unit_ms * weight(fault), options, random));
        from += unit_ms * weight(fault);
    }
    add_cuts(script.steps, options, random);
    // No two steps of one fault stand at one moment, so this is an order of all.
    std::sort(script.steps.begin(), script.steps.end(), [](const auto& a, const auto& b) {
        return std::tie(a.at_ms, a.fault) < std::tie(b.at_ms, b.fault);
    });
    return script;
}

}  // namespace stepcast::proof

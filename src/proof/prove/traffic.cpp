#include "proof/prove/traffic.hpp"

#include <algorithm>
#include <array>

#include "client/url.hpp"
#include "proof/load/run.hpp"

namespace stepcast::proof {
namespace {

constexpr std::size_t connections = 64;
/// A generator that was itself held up does not make up for more than this.
constexpr std::uint64_t most_behind = 100 * millisecond_ns;
constexpr std::uint64_t ballast_interval = 2 * millisecond_ns;
constexpr std::uint64_t repeat_after_break = 150 * millisecond_ns;
constexpr std::uint64_t repeat_after_wait = 500 * millisecond_ns;
constexpr int tries_for_a_free_user = 8;

struct Placeholder {
    std::string_view name;
    std::string (*value)(const Ledger& ledger, std::uint32_t event);
};

constexpr std::array placeholders{
    Placeholder{"{user}", [](const Ledger& ledger,
                             std::uint32_t event) { return ledger.user_id(ledger.entries()[event].user); }},
    Placeholder{"{task}", [](const Ledger& ledger,
                             std::uint32_t event) { return ledger.task_id(ledger.entries()[event].task); }},
    Placeholder{"{id}", [](const Ledger& ledger, std::uint32_t event) { return ledger.event_id(event); }},
    Placeholder{"{data}", [](const Ledger& ledger, std::uint32_t event) { return ledger.body(event); }},
    Placeholder{"{data_url}", [](const Ledger& ledger, std::uint32_t event) {
                    return client::percent_encode(ledger.body(event));
                }}};

}  // namespace

std::string fill_event(std::string_view pattern, const Ledger& ledger, std::uint32_t event) {
    std::string out;
    while (!pattern.empty()) {
        const auto found =
            std::find_if(placeholders.begin(), placeholders.end(),
                         [&](const auto& placeholder) { return pattern.starts_with(placeholder.name); });
        if (found != placeholders.end()) {
            out += found->value(ledger, event);
            pattern.remove_prefix(found->name.size());
        } else {
            out += pattern.front();
            pattern.remove_prefix(1);
        }
    }
    return out;
}

ProveTraffic::ProveTraffic(Loop& loop, const Target& server, const ProveTarget& target, Ledger& ledger,
                           const Options& options)
    : target_{target},
      ledger_{ledger},
      options_{options},
      random_{options.seed},
      interval_ns_{second_ns / std::max(options.rate, 1u)},
      publisher_{loop, server, connections, [this](std::uint64_t event, int status) {
                     answered(static_cast<std::uint32_t>(event), status);
                 }} {
    publisher_.set_headers(target.content_type, target.headers);
}

void ProveTraffic::tick(std::uint64_t now, bool regular) {
    while (!repeats_.empty() && repeats_.begin()->first <= now) {
        const auto event = repeats_.begin()->second;
        repeats_.erase(repeats_.begin());
        post(event);
    }
    if (!regular) return;
    if (now > next_at_ + most_behind) next_at_ = now - most_behind;
    for (; next_at_ <= now; next_at_ += interval_ns_) publish_one(now);
    if (!filling_ || options_.ballast == 0) return;
    if (now > next_ballast_at_ + most_behind) next_ballast_at_ = now;
    for (; next_ballast_at_ <= now; next_ballast_at_ += ballast_interval) publish_ballast(now);
}

void ProveTraffic::publish_one(std::uint64_t now) {
    for (int i = 0; i < tries_for_a_free_user; ++i) {
        const bool hot = options_.hot > 0 && below(5) < 2;
        if (const auto event = ledger_.next(below(hot ? options_.hot : options_.users), now)) {
            post(*event);
            return;
        }
    }
    ++held_back_;
}

void ProveTraffic::publish_ballast(std::uint64_t now) {
    const auto user = options_.users + below(options_.ballast);
    if (const auto event = ledger_.next(user, now, true)) post(*event);
}

bool ProveTraffic::finish(std::uint64_t now) {
    bool done = true;
    for (std::uint32_t user = 0; user < options_.users + options_.ballast; ++user) {
        if (const auto event = ledger_.finish(user, now)) post(*event);
        done = done && !ledger_.is_busy(user);
    }
    return done;
}

void ProveTraffic::post(std::uint32_t event) {
    ledger_.attempted(event);
    publisher_.post(fill_event(target_.publish, ledger_, event), fill_event(target_.body, ledger_, event),
                    event);
}

void ProveTraffic::answered(std::uint32_t event, int status) {
    const auto now = now_ns();
    const bool asked_to_wait = status == 503 || status == 429;
    if (asked_to_wait) ++put_off_;
    if (ledger_.answered(event, status, now))
        repeats_.emplace(now + (asked_to_wait ? repeat_after_wait : repeat_after_break), event);
}

}  // namespace stepcast::proof

#include "proof/prove/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include "base/text.hpp"

namespace stepcast::proof {
namespace {

namespace json = boost::json;

std::string_view name_of(Ledger::Kind kind) {
    switch (kind) {
        case Ledger::Kind::started:
            return "STARTED";
        case Ledger::Kind::progress:
            return "PROGRESS";
        case Ledger::Kind::completed:
            return "COMPLETED";
    }
    return "";
}

/// Statuses whose cause may pass: the same request is worth another try.
bool may_pass(int status) {
    return status < 400 || status >= 500 || status == 408 || status == 429;
}

std::string_view text_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string_view{value->get_string()}
                                                  : std::string_view{};
}

/// The number at the end of an id "PREFIX-N".
std::optional<std::uint32_t> index_of(std::string_view id, std::string_view prefix) {
    if (!id.starts_with(prefix)) return std::nullopt;
    return parse_number<std::uint32_t>(id.substr(prefix.size()));
}

}  // namespace

Ledger::Ledger(std::string token, std::uint32_t users, TaskLengths lengths, Timestamp wall, std::uint64_t now)
    : token_{std::move(token)}, lengths_{lengths}, wall_{wall}, began_{now}, users_(users) {}

std::uint32_t Ledger::steps_of(std::uint32_t user) const {
    return user < lengths_.users_with_long ? lengths_.long_steps : lengths_.steps;
}

std::uint32_t Ledger::add(std::uint32_t user, Kind kind, std::uint64_t now, bool large) {
    auto& who = users_[user];
    who.busy = true;
    entries_.push_back(
        {.user = user, .task = *who.task, .step = who.step, .kind = kind, .large = large, .first_at = now});
    return static_cast<std::uint32_t>(entries_.size() - 1);
}

std::optional<std::uint32_t> Ledger::next(std::uint32_t user, std::uint64_t now, bool large) {
    auto& who = users_[user];
    if (who.busy) return std::nullopt;
    if (!who.task) {
        who.task = static_cast<std::uint32_t>(user_of_task_.size());
        who.step = 0;
        user_of_task_.push_back(user);
        return add(user, Kind::started, now, large);
    }
    if (++who.step >= steps_of(user)) return finish(user, now);
    return add(user, Kind::progress, now, large);
}

std::optional<std::uint32_t> Ledger::finish(std::uint32_t user, std::uint64_t now) {
    auto& who = users_[user];
    if (who.busy || !who.task) return std::nullopt;
    who.step = steps_of(user);
    const auto event = add(user, Kind::completed, now, false);
    who.task.reset();
    return event;
}

bool Ledger::answered(std::uint32_t event, int status, std::uint64_t now) {
    auto& entry = entries_[event];
    if (entry.state != State::under_way) return false;
    const bool ok = status >= 200 && status < 300;
    if (!ok && may_pass(status)) return true;
    entry.state = ok ? State::acknowledged : State::refused;
    entry.answered_at = now;
    auto& who = users_[entry.user];
    who.busy = false;
    if (ok) who.last = event;
    return false;
}

void Ledger::give_up() {
    for (auto& entry : entries_) {
        if (entry.state != State::under_way) continue;
        entry.state = State::given_up;
        users_[entry.user].busy = false;
    }
}

std::string Ledger::body(std::uint32_t event) const {
    constexpr std::size_t large_detail = 7 * 1024;
    constexpr std::size_t small_detail = 64;
    const auto& entry = entries_[event];
    const auto steps = steps_of(entry.user);
    const auto at = wall_ + Duration{static_cast<std::int64_t>((entry.first_at - began_) / 1'000'000)};
    // Text that a careless hand would break: quotes, a backslash, line breaks, several bytes a letter.
    return fmt::format(
        R"({{"eventId":"{}","taskId":"{}","userId":"{}","currentStep":{},"totalSteps":{},"percentage":{},)"
        R"("eventType":"{}","timestamp":"{}","stepName":"단계 {} \"quoted\" \\ é","detail":{{"n":{},"text":"a\r\nb {}"}}}})",
        event_id(event), task_id(entry.task), user_id(entry.user), entry.step, steps,
        100 * entry.step / steps, name_of(entry.kind), format_rfc3339(at), entry.step, event,
        std::string(entry.large ? large_detail : small_detail, 'x'));
}

std::string Ledger::user_id(std::uint32_t user) const {
    return fmt::format("u-{}-{}", token_, user);
}

std::string Ledger::task_id(std::uint32_t task) const {
    return fmt::format("prove-{}-{}", token_, task);
}

std::string Ledger::event_id(std::uint32_t event) const {
    return fmt::format("{}-{}", token_, event);
}

Ledger::Recognised Ledger::recognise(std::string_view data, std::uint32_t user, bool state) const {
    std::array<unsigned char, 8192> room;
    json::monotonic_resource memory{room.data(), room.size()};
    json::error_code error;
    const auto value = json::parse({data.data(), data.size()}, error, &memory);
    if (error || !value.is_object()) return {};
    return recognise(value.get_object(), user, state);
}

Ledger::Recognised Ledger::recognise(const json::object& delivered, std::uint32_t user, bool state) const {
    const auto event = index_of(text_of(delivered, "eventId"), token_ + "-");
    if (!event || *event >= entries_.size() || entries_[*event].user != user) return {};

    Recognised out{.event = *event, .task = entries_[*event].task, .intact = true};
    if (const auto* version = delivered.if_contains("version"); version != nullptr && version->is_int64())
        out.version = static_cast<std::uint64_t>(version->get_int64());
    std::array<unsigned char, 8192> room;
    json::monotonic_resource memory{room.data(), room.size()};
    const auto published = json::parse(body(*event), &memory);
    for (const auto& [name, expected] : published.get_object()) {
        if (state && name == "timestamp") continue;
        const auto* found = delivered.if_contains(name);
        out.intact = out.intact && found != nullptr && *found == expected;
    }
    return out;
}

std::size_t Ledger::count(State state) const {
    return static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(), [state](const auto& entry) { return entry.state == state; }));
}

std::uint64_t Ledger::retries() const {
    std::uint64_t sum = 0;
    for (const auto& entry : entries_) sum += entry.attempts > 0 ? entry.attempts - 1 : 0;
    return sum;
}

std::vector<std::uint32_t> Ledger::tasks_of(std::uint32_t user) const {
    std::vector<std::uint32_t> out;
    for (std::uint32_t task = 0; task < user_of_task_.size(); ++task)
        if (user_of_task_[task] == user) out.push_back(task);
    return out;
}

std::vector<Published> Ledger::published() const {
    std::vector<Published> out;
    out.reserve(entries_.size());
    for (const auto& entry : entries_) {
        out.push_back({.task = entry.task,
                       .acknowledged = entry.state == State::acknowledged,
                       .milestone = entry.kind != Kind::progress,
                       .last = entry.kind == Kind::completed,
                       .acknowledged_at = entry.answered_at});
    }
    return out;
}

}  // namespace stepcast::proof

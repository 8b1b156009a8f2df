#include "base/time.hpp"

#include <array>
#include <charconv>
#include <concepts>

namespace stepcast {
namespace {

class SystemClock final : public Clock {
  public:
    Timestamp now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
};

void put(char*& out, unsigned value, int digits) {
    for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
    out += digits;
}

bool digit(char c) {
    return c >= '0' && c <= '9';
}

// Takes exactly `digits` digits off the front.
std::optional<int> take(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (!digit(text[i])) return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
}

// Takes one of these off the front.
template <std::same_as<char>... C>
bool take_char(std::string_view& text, C... allowed) {
    if (text.empty() || ((text.front() != allowed) && ...)) return false;
    text.remove_prefix(1);
    return true;
}

// Milliseconds of ".123456"; absent is 0, a dot without digits is an error.
std::optional<int> take_fraction(std::string_view& text) {
    if (text.empty() || text.front() != '.') return 0;
    text.remove_prefix(1);
    int ms = 0;
    int digits = 0;
    for (; !text.empty() && digit(text.front()); text.remove_prefix(1), ++digits)
        if (digits < 3) ms = ms * 10 + (text.front() - '0');
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) ms *= 10;
    return ms;
}

// Minutes east of UTC: "Z" or "+09:00".
std::optional<int> take_offset(std::string_view& text) {
    if (take_char(text, 'Z', 'z')) return 0;
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    const auto hours = take(text, 2);
    if (!hours || !take_char(text, ':')) return std::nullopt;
    const auto minutes = take(text, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return sign * (*hours * 60 + *minutes);
}

struct DurationUnit {
    std::string_view name;
    std::int64_t ms;
};
constexpr std::array<DurationUnit, 5> duration_units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

std::int64_t unix_seconds(Timestamp t) {
    return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

void format_rfc3339(Timestamp t, char* out) {
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{t - day};
    put(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    *out++ = '-';
    put(out, static_cast<unsigned>(date.month()), 2);
    *out++ = '-';
    put(out, static_cast<unsigned>(date.day()), 2);
    *out++ = 'T';
    put(out, static_cast<unsigned>(time.hours().count()), 2);
    *out++ = ':';
    put(out, static_cast<unsigned>(time.minutes().count()), 2);
    *out++ = ':';
    put(out, static_cast<unsigned>(time.seconds().count()), 2);
    *out++ = '.';
    put(out, static_cast<unsigned>(time.subseconds().count()), 3);
    *out = 'Z';
}

std::string format_rfc3339(Timestamp t) {
    std::string out(rfc3339_size, '\0');
    format_rfc3339(t, out.data());
    return out;
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
    const auto year = take(text, 4);
    if (!year || !take_char(text, '-')) return std::nullopt;
    const auto month = take(text, 2);
    if (!month || !take_char(text, '-')) return std::nullopt;
    const auto day = take(text, 2);
    if (!day || !take_char(text, 'T', 't', ' ')) return std::nullopt;
    const auto hour = take(text, 2);
    if (!hour || !take_char(text, ':')) return std::nullopt;
    const auto minute = take(text, 2);
    if (!minute || !take_char(text, ':')) return std::nullopt;
    const auto second = take(text, 2);
    if (!second) return std::nullopt;
    auto ms = take_fraction(text);
    const auto offset = take_offset(text);
    if (!ms || !offset || !text.empty()) return std::nullopt;

    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    const bool leap = *second == 60;
    if (leap) ms = 999;
    const Timestamp moment{std::chrono::sys_days{date}.time_since_epoch() + std::chrono::hours{*hour} +
                           std::chrono::minutes{*minute - *offset} +
                           std::chrono::seconds{leap ? 59 : *second} + std::chrono::milliseconds{*ms}};
    // An offset can lead out of the years that four digits hold.
    constexpr std::chrono::sys_days first{std::chrono::year{0} / 1 / 1};
    constexpr std::chrono::sys_days behind{std::chrono::year{10'000} / 1 / 1};
    if (moment < first || moment >= behind) return std::nullopt;
    return moment;
}

std::optional<Duration> parse_duration(std::string_view text) {
    std::int64_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value < 0) return std::nullopt;
    const std::string_view unit{rest, static_cast<std::size_t>(text.data() + text.size() - rest)};
    for (const auto& [name, ms] : duration_units)
        if (unit == name && value <= INT64_MAX / 1'000 / ms) return Duration{value * ms};
    return std::nullopt;
}

std::string format_duration(Duration d) {
    for (const auto& [name, ms] : duration_units)
        if (d.count() % ms == 0 && (d.count() != 0 || ms == 1'000))
            return std::to_string(d.count() / ms).append(name);
    return {};
}

}  // namespace stepcast

#include "proof/load/payload.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/random.hpp"
#include "base/time.hpp"
#include "proof/load/frame_scanner.hpp"

namespace stepcast::proof {
namespace {

template <class N>
std::optional<N> number_behind(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return std::nullopt;
    text.remove_prefix(prefix.size());
    N number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

}  // namespace

Payloads::Payloads(std::size_t size)
    : token_{random_token(5)},
      id_prefix_{token_ + "-"},
      task_prefix_{"bench-" + token_ + "-"},
      started_at_{format_rfc3339(system_clock().now())},
      size_{size} {}

std::string Payloads::task(std::uint32_t user) const {
    return task_prefix_ + std::to_string(user);
}

std::string Payloads::user(std::uint32_t user) const {
    return fmt::format("u-{}-{}", token_, user);
}

std::string Payloads::event(std::uint32_t user_index, std::uint64_t sequence, std::string_view type) const {
    const int percent = type == "COMPLETED" ? 100 : static_cast<int>(sequence % 100);
    std::string out = fmt::format(
        R"({{"eventId":"{}{}","taskId":"{}","userId":"{}","currentStep":{},"totalSteps":100,"percentage":{},"eventType":"{}","timestamp":"{}","stepName":")",
        id_prefix_, sequence, task(user_index), user(user_index), percent, percent, type, started_at_);
    constexpr std::size_t tail = 2;
    if (out.size() + tail < size_) out.append(size_ - tail - out.size(), 'x');
    return out += "\"}";
}

std::optional<std::uint64_t> Payloads::sequence_of(std::string_view data) const {
    return number_behind<std::uint64_t>(find_text(data, "\"eventId\""), id_prefix_);
}

std::optional<std::uint32_t> Payloads::user_of(std::string_view data) const {
    return number_behind<std::uint32_t>(find_text(data, "\"taskId\""), task_prefix_);
}

std::string fill(std::string_view pattern, std::string_view user) {
    std::string out{pattern};
    constexpr std::string_view name = "{user}";
    for (auto at = out.find(name); at != out.npos; at = out.find(name, at + user.size()))
        out.replace(at, name.size(), user);
    return out;
}

}  // namespace stepcast::proof

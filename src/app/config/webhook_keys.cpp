#include <algorithm>

#include "app/config/check.hpp"
#include "app/config/keys.hpp"

namespace stepcast::app {
namespace {

// Milliseconds and bytes.
constexpr std::int64_t longest_timeout = 300'000;
constexpr std::int64_t longest_first_pause = 3'600'000;
constexpr std::int64_t longest_pause = 7 * 24 * longest_first_pause;
constexpr std::int64_t least_pending = 64 * 1024;
constexpr std::int64_t most_pending = std::int64_t{1} << 40;

#define FIELD(member) [](Config::Webhook& w) -> Field { return &w.member; }

std::vector<Key> make_webhook_keys() {
    const auto row = [](std::string_view name, std::string_view doc, Field (*field)(Config::Webhook&),
                        std::int64_t min = 0, std::int64_t max = 0,
                        std::string_view(*check)(std::string_view) = nullptr) {
        return Key{.name = name,
                   .doc = doc,
                   .field = nullptr,
                   .min = min,
                   .max = max,
                   .check = check,
                   .of_webhook = field};
    };
    return {
        row("webhooks.NAME.url",
            "URL that is told by POST what becomes of tasks, https or http. NAME is yours: letters, digits, "
            "- and "
            "_, in lower case.",
            FIELD(url), 1, 2048, check_webhook_url),
        row("webhooks.NAME.events", "What it is told of: COMPLETED, FAILED and STALLED.", FIELD(events), 0, 0,
            check_webhook_event),
        row("webhooks.NAME.secret_file",
            "File of the secret that deliveries are signed with: whsec_ and 24 to 64 bytes as base64; "
            "several "
            "lines: all sign. Read again when it changes.",
            FIELD(secret_file), 1, 4096),
        row("webhooks.NAME.ca",
            "File of the authorities (PEM) that vouch for the host; empty: those of this machine.", FIELD(ca),
            0, 4096),
        row("webhooks.NAME.timeout", "Most time that one attempt may take.", FIELD(timeout), 100,
            longest_timeout),
        row("webhooks.NAME.max_attempts", "Attempts until a delivery is a dead letter.", FIELD(max_attempts),
            1, 1000),
        row("webhooks.NAME.retry",
            "Pause after the first attempt that failed; each time twice as long, less up to a half by "
            "chance.",
            FIELD(retry), 10, longest_first_pause),
        row("webhooks.NAME.retry_max", "Longest pause between two attempts.", FIELD(retry_max), 10,
            longest_pause),
        row("webhooks.NAME.in_flight", "Attempts at once; of one task never more than one.", FIELD(in_flight),
            1, 1000),
        row("webhooks.NAME.max_pending",
            "Memory for deliveries that wait; what comes beyond it is taken later, if its task has not "
            "expired "
            "by then.",
            FIELD(max_pending), least_pending, most_pending),
        row("webhooks.NAME.allow_private",
            "Connect to addresses that are not public, too: this machine, its networks, its link.",
            FIELD(allow_private)),
    };
}

#undef FIELD

constexpr std::string_view webhook_section = "webhooks.";
constexpr std::string_view placeholder = "NAME";

}  // namespace

const std::vector<Key>& webhook_keys() {
    static const std::vector<Key> keys = make_webhook_keys();
    return keys;
}

std::string_view named_webhook(std::string_view name) {
    if (!name.starts_with(webhook_section)) return {};
    return name.substr(webhook_section.size(),
                       name.find('.', webhook_section.size()) - webhook_section.size());
}

bool is_webhook_name(std::string_view name) {
    constexpr std::size_t longest = 32;
    return !name.empty() && name.size() <= longest && name.find("__") == std::string_view::npos &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}

std::string general_key(std::string_view name) {
    std::string general{name};
    const auto named = named_webhook(name);
    if (is_webhook_name(named)) general.replace(webhook_section.size(), named.size(), placeholder);
    return general;
}

std::optional<Setting> find_setting(Config& config, std::string_view name) {
    if (const auto* key = find_key(name)) return Setting{key, key->field(config)};
    const auto general = general_key(name);
    if (general == name) return std::nullopt;
    const auto& keys = webhook_keys();
    const auto row = std::ranges::find(keys, general, &Key::name);
    if (row == keys.end()) return std::nullopt;
    return Setting{&*row, row->of_webhook(config.webhooks[std::string{named_webhook(name)}])};
}

}  // namespace stepcast::app

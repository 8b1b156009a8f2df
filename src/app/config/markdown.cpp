#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <limits>

#include "app/config/config.hpp"
#include "app/config/keys.hpp"
#include "base/text.hpp"

namespace stepcast::app {
namespace {

constexpr std::string_view introduction =
    R"(# Configuration

<!-- Written by `stepcast check-config --markdown` from the table of keys; ./dev test holds it. -->

Later ones win: the default, the file (`--config FILE` or `$STEPCAST_CONFIG`), the variable, `--set key=value`. [config.toml](../config.toml) is a
file with every default. A key or value that makes no sense refuses the start and is named with its file, its line and the nearest known key.
`stepcast check-config --print` shows what holds.

- A duration is a whole number and a unit, `ms`, `s`, `m`, `h` or `d`: `"1500ms"`, `"24h"`. A size is a number of bytes, or has `B`, `KiB`,
  `MiB` or `GiB` behind it. A list is TOML: `["a", "b"]`.
- The variable of a key is `STEPCAST_`, the section, `__` and the name, in capitals.
- **Secrets**: with `_FILE` behind its name a variable is the path of a file that holds the value (line ends behind it are taken off), as
  containers mount secrets: `STEPCAST_KAFKA__PROPERTIES__SASL__PASSWORD_FILE=/run/secrets/kafka`. That holds for every key; a variable and
  its `_FILE` both set refuse the start. Values that are secret are printed as `***`.
)";

constexpr std::string_view properties =
    R"(
### `[kafka.properties]`

Any property of librdkafka passes by its own name, for TLS, SASL and tuning; librdkafka judges it at the start, also while `bus.kind` is
`embedded`. A variable turns `__` into the dot: `STEPCAST_KAFKA__PROPERTIES__SECURITY__PROTOCOL=SASL_SSL` is `security.protocol`. Printed as `***` are
those whose name has `password`, `secret`, `ssl.key.pem` or `sasl.oauthbearer.config` in it.
)";

/// What a key takes, in words.
std::string range(const Key& key, const Field& field) {
    struct Print {
        const Key& key;

        std::string between(std::string_view unit, std::string least, std::string most) const {
            return key.max == std::numeric_limits<std::int64_t>::max()
                       ? fmt::format("{}, from {}", unit, least)
                       : fmt::format("{}, {} to {}", unit, least, most);
        }
        std::string operator()(const std::string*) const {
            if (!key.choices.empty()) return fmt::format("`{}`", fmt::join(key.choices, "`, `"));
            return fmt::format("text, {} to {} bytes", key.min, key.max);
        }
        std::string operator()(const bool*) const { return "`true`, `false`"; }
        std::string operator()(const int*) const {
            return fmt::format("{}{} to {}", key.power_of_two ? "power of two, " : "", key.min, key.max);
        }
        std::string operator()(const Duration*) const {
            return between("duration", format_duration(Duration{key.min}),
                           format_duration(Duration{key.max}));
        }
        std::string operator()(const std::uint64_t*) const {
            return between("size", format_size(static_cast<std::uint64_t>(key.min)),
                           format_size(static_cast<std::uint64_t>(key.max)));
        }
        std::string operator()(const std::vector<std::string>*) const { return "list of texts"; }
    };
    return std::visit(Print{key}, field);
}

/// STEPCAST_SERVER__PORT
std::string variable(std::string_view key) {
    std::string name = "STEPCAST_";
    for (const char c : key)
        name +=
            c == '.' ? "__" : std::string(1, static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
    return name;
}

}  // namespace

std::string print_markdown() {
    Config config;
    std::string out{introduction};
    std::string_view section;
    const auto end_section = [&] {
        if (section == "kafka") out += properties;
    };
    const auto print = [&](const Key& key, const Field& field) {
        const auto name = key.name.substr(0, key.name.rfind('.'));
        if (name != section) {
            end_section();
            section = name;
            out += fmt::format(
                "\n## `[{}]`\n\n| key and variable | meaning | takes | default |\n|---|---|---|---|\n",
                section);
        }
        out += fmt::format("| `{}`<br>`{}` | {} | {} | `{}` |\n", key.name, variable(key.name), key.doc,
                           range(key, field), format_value(field));
    };
    for (const Key& key : config_keys()) print(key, key.field(config));
    Config::Webhook webhook;
    for (const Key& key : webhook_keys()) print(key, key.of_webhook(webhook));
    end_section();
    return out;
}

}  // namespace stepcast::app

#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/config/config.hpp"

namespace stepcast::app {

/// Where a key's value lives: text, switch, count, duration, size in bytes, list of texts.
using Field = std::variant<std::string*, bool*, int*, Duration*, std::uint64_t*, std::vector<std::string>*>;

/// One row of the table from which parsing, checking, printing and config.toml all come.
struct Key {
    std::string_view name;  ///< "server.port"
    std::string_view doc;   ///< one line for people
    Field (*field)(Config& config);
    std::int64_t min = 0;  ///< lowest count, milliseconds or bytes; for text: how many bytes of UTF-8
    std::int64_t max = 0;
    std::vector<std::string_view> choices{};  ///< for text: the only values, if any are named
    bool power_of_two = false;                ///< for counts
    /// For text, or each text of a list: what it must be, if it is not; otherwise empty.
    std::string_view (*check)(std::string_view text) = nullptr;
    Field (*of_webhook)(Config::Webhook& webhook) = nullptr;  ///< of webhook_keys, in place of `field`
};

/// Those of the section [shop].
std::vector<Key> shop_keys();
/// All but those of webhooks, in the order of config.toml: sections together.
const std::vector<Key>& config_keys();

/// Those of a section that there may be several of, each under a name of its own: "webhooks.NAME.url".
const std::vector<Key>& webhook_keys();
/// "webhooks.NAME.url" of "webhooks.shop.url"; what is of no webhook as it is.
std::string general_key(std::string_view name);
/// The name in a key, or section, of a webhook; empty if there is none.
std::string_view named_webhook(std::string_view name);
/// Whether variables can say it, too: STEPCAST_WEBHOOKS__SHOP__URL.
bool is_webhook_name(std::string_view name);

/// A row, and where its value lives.
struct Setting {
    const Key* key;
    Field place;
};
/// Nothing if there is no such row. The first key of a webhook makes it.
std::optional<Setting> find_setting(Config& config, std::string_view name);

/// The table of librdkafka's properties, which it judges itself.
inline constexpr std::string_view kafka_properties = "kafka.properties";

/// The row of a name, webhooks' apart; null if there is none.
const Key* find_key(std::string_view name);

/// The known name with the smallest edit distance.
std::string_view nearest_key(std::string_view name);

/// The value as TOML.
std::string format_value(const Field& field);

}  // namespace stepcast::app

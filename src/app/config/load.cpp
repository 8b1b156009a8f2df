#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/config/check.hpp"
#include "app/config/config.hpp"
#include "app/config/keys.hpp"
#include "app/config/machine.hpp"
#include "app/config/value.hpp"

extern char** environ;

namespace stepcast::app {
namespace {

/// Puts settings into one Config and gathers what is wrong with them.
class Loader {
  public:
    void read_file(const std::string& path);
    void read_environment(const ConfigSources::Variables& environment);
    void read_sets(const std::vector<std::string>& sets);
    result<Config, std::string> finish();

  private:
    void read_table(const std::string& path, const toml::table& table, const std::string& prefix);
    void read_properties(const std::string& path, const toml::table& table, const std::string& prefix);
    void set(const std::string& where, const std::string& name, std::string_view text);
    void complain(std::string line) { problems_ += problems_.empty() ? std::move(line) : "\n" + line; }
    void unknown(const std::string& where, const std::string& name);
    void set_property(const std::string& where, const std::string& name, std::string value);
    void check_properties();

    Config config_;
    std::map<std::string, std::string> property_places_;  ///< where each of librdkafka's was set last
    std::string problems_;
};

std::string place(const std::string& path, const toml::source_region& source) {
    return fmt::format("{}:{}", path, source.begin.line);
}

std::optional<std::string> read_whole(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream text;
    if (!in || (in.peek() != std::ifstream::traits_type::eof() && !(text << in.rdbuf())) || in.bad())
        return std::nullopt;
    return std::move(text).str();
}

// A folder: Docker makes one where the file to be mounted is missing.
std::string_view why_not(const std::string& path) {
    std::error_code error;
    return std::filesystem::is_directory(path, error) ? ": it is a folder" : "";
}

bool is_section(std::string_view name) {
    if (name == kafka_properties) return true;
    const auto general = general_key(name);
    const auto lies_in = [&](const Key& key) {
        return key.name.size() > general.size() && key.name.starts_with(general) &&
               key.name[general.size()] == '.';
    };
    return std::ranges::any_of(config_keys(), lies_in) || std::ranges::any_of(webhook_keys(), lies_in);
}

bool is_key(std::string_view name) {
    return find_key(name) != nullptr ||
           std::ranges::find(webhook_keys(), general_key(name), &Key::name) != webhook_keys().end();
}

std::string in_lower_case(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// The property's own name, if `name` lies in the table of librdkafka's properties.
std::string_view property_name(std::string_view name) {
    if (!name.starts_with(kafka_properties) || name.size() <= kafka_properties.size() + 1) return {};
    return name[kafka_properties.size()] == '.' ? name.substr(kafka_properties.size() + 1)
                                                : std::string_view{};
}

void Loader::unknown(const std::string& where, const std::string& name) {
    if (const auto named = named_webhook(name); !named.empty() && !is_webhook_name(named))
        return complain(fmt::format(
            "{}: {}: the name of a webhook is 1 to 32 of a-z, 0-9, - and _, without __", where, name));
    if (!is_section(name))
        return complain(
            fmt::format("{}: unknown key {}; the nearest known key is {}", where, name, nearest_key(name)));
    std::vector<std::string_view> keys;
    for (const auto* rows : {&config_keys(), &webhook_keys()})
        for (const Key& key : *rows)
            if (key.name.starts_with(general_key(name) + ".")) keys.push_back(key.name);
    if (name == kafka_properties) keys.emplace_back("kafka.properties.security.protocol");
    complain(fmt::format("{}: {} is a section, not a key; the nearest known keys are {}", where, name,
                         fmt::join(keys, ", ")));
}

void Loader::set_property(const std::string& where, const std::string& name, std::string value) {
    config_.kafka.properties[name] = std::move(value);
    property_places_[name] = where;
}

// librdkafka knows its properties and says what it dislikes of which; one at a time.
void Loader::check_properties() {
    const std::string why = check_kafka(config_);
    if (why.empty()) return;
    const auto key = std::string_view{why}.substr(0, why.find(": "));
    const auto place = property_places_.find(std::string{property_name(key)});
    complain(place == property_places_.end() ? why : fmt::format("{}: {}", place->second, why));
}

void Loader::read_file(const std::string& path) {
    const auto text = read_whole(path);
    if (!text) return complain(fmt::format("{}: cannot be read{}", path, why_not(path)));
    try {
        read_table(path, toml::parse(*text, path), "");
    } catch (const toml::parse_error& error) {
        complain(fmt::format("{}: {}", place(path, error.source()), error.description()));
    }
}

void Loader::read_table(const std::string& path, const toml::table& table, const std::string& prefix) {
    for (const auto& [key, value] : table) {
        const std::string name = prefix + std::string{key.str()};
        const std::string where = place(path, key.source());
        const auto* inner = value.as_table();
        if (name == kafka_properties && inner != nullptr) {
            read_properties(path, *inner, "");
        } else if (const auto known = find_setting(config_, name)) {
            if (auto done = assign(*known, value); !done)
                complain(fmt::format("{}: {} {}", where, name, done.error()));
        } else if (inner != nullptr && (is_section(name) || !inner->empty())) {
            if (is_section(name) && !named_webhook(name).empty())
                config_.webhooks.try_emplace(std::string{named_webhook(name)});
            read_table(path, *inner, name + ".");
        } else {
            unknown(where, name);
        }
    }
}

// Unquoted dotted names arrive as nested tables: joined again they are librdkafka's names.
void Loader::read_properties(const std::string& path, const toml::table& table, const std::string& prefix) {
    for (const auto& [key, value] : table) {
        const std::string name = prefix + std::string{key.str()};
        if (const auto* inner = value.as_table()) {
            read_properties(path, *inner, name + ".");
        } else if (auto text = scalar_text(value)) {
            set_property(place(path, key.source()), name, std::move(*text));
        } else {
            complain(fmt::format("{}: {}.{} must be text, a number or a switch", place(path, key.source()),
                                 kafka_properties, name));
        }
    }
}

void Loader::set(const std::string& where, const std::string& name, std::string_view text) {
    if (const auto setting = find_setting(config_, name)) {
        if (auto done = assign_text(*setting, text); !done)
            complain(fmt::format("{}: {} {}", where, name, done.error()));
    } else if (const auto property = property_name(name); !property.empty()) {
        set_property(where, std::string{property}, std::string{text});
    } else {
        unknown(where, name);
    }
}

void Loader::read_environment(const ConfigSources::Variables& environment) {
    constexpr std::string_view prefix = "STEPCAST_";
    constexpr std::string_view from_file = "_FILE";
    for (const auto& [variable, value] : environment) {
        // Names without a section (STEPCAST_CONFIG) are not settings.
        if (!variable.starts_with(prefix) || variable.find("__") == std::string::npos) continue;
        std::string name = variable.substr(prefix.size());
        for (auto at = name.find("__"); at != std::string::npos; at = name.find("__"))
            name.replace(at, 2, ".");
        // A key may end so by itself: webhooks.NAME.secret_file.
        const bool file = name.ends_with(from_file) && !is_key(in_lower_case(name));
        if (file) name.resize(name.size() - from_file.size());
        name = in_lower_case(std::move(name));
        if (!file) {
            set(variable, name, value);
            continue;
        }
        const std::string plain = variable.substr(0, variable.size() - from_file.size());
        if (std::ranges::find(environment, plain, &std::pair<std::string, std::string>::first) !=
            environment.end()) {
            complain(fmt::format("{} and {} are both set; which one holds?", plain, variable));
            continue;
        }
        auto text = read_whole(value);
        if (!text) {
            complain(fmt::format("{}: {} cannot be read{}", variable, value, why_not(value)));
            continue;
        }
        while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
        set(variable, name, *text);
    }
}

void Loader::read_sets(const std::vector<std::string>& sets) {
    for (const auto& entry : sets) {
        const auto equals = entry.find('=');
        if (equals == std::string::npos) {
            complain(fmt::format("--set {}: must be key=value", entry));
        } else {
            set("--set", entry.substr(0, equals), std::string_view{entry}.substr(equals + 1));
        }
    }
}

result<Config, std::string> Loader::finish() {
    check_properties();
    if (config_.server.tls_cert.empty() != config_.server.tls_key.empty())
        complain("server.tls_cert and server.tls_key: one is of no use without the other");
    const bool proxied = config_.server.proxy_header != "none";
    if (proxied == config_.server.trusted_proxies.empty())
        complain("server.proxy_header and server.trusted_proxies: one is of no use without the other");
    if (config_.server.hsts.count() > 0 && config_.server.tls_cert.empty() && !proxied)
        complain("server.hsts: it is for server.tls_cert or server.proxy_header, which are not set");
    const auto& limits = config_.limits;
    if (config_.auth.mode == "off" && (limits.user_connections > 0 || limits.user_requests > 0 ||
                                       limits.user_events > 0 || limits.user_bytes > 0))
        complain("limits.user_*: users prove who they are by auth.mode = \"jwt\", which is not set");
    if (!config_.auth.jwks_ca.empty() && config_.auth.jwks_url.empty())
        complain("auth.jwks_ca: it is for auth.jwks_url, which is not set");
    if (config_.auth.demo && config_.auth.mode == "off")
        complain("auth.demo: it makes tokens for auth.mode = \"jwt\", which is not set");
    if (auto why = check_shop(config_); !why.empty()) complain(std::move(why));
    for (const auto& [name, webhook] : config_.webhooks)
        if (const auto why = check_webhook(config_, webhook); !why.empty())
            complain(fmt::format("webhooks.{}{}", name, why));
    if (!problems_.empty()) return tl::unexpected(std::move(problems_));
    if (config_.server.threads == 0 || config_.store.max_bytes == 0 || config_.http.max_pending_bytes == 0) {
        const Machine machine = read_machine();
        if (config_.server.threads == 0) config_.server.threads = machine.cores;
        if (config_.store.max_bytes == 0) config_.store.max_bytes = machine.memory / 2;
        constexpr std::uint64_t enough = 64 * 1024 * 1024;
        if (config_.http.max_pending_bytes == 0)
            config_.http.max_pending_bytes = std::min(enough, machine.memory / 16);
    }
    auto& store = config_.store;
    if (store.permanent_max_bytes == 0) store.permanent_max_bytes = store.max_bytes;
    return std::move(config_);
}

}  // namespace

ConfigSources::Variables process_environment() {
    ConfigSources::Variables all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        const auto equals = text.find('=');
        if (equals != std::string_view::npos)
            all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return all;
}

result<Config, std::string> load_config(const ConfigSources& sources) {
    Loader loader;
    if (sources.file) loader.read_file(*sources.file);
    loader.read_environment(sources.environment);
    loader.read_sets(sources.sets);
    return loader.finish();
}

}  // namespace stepcast::app

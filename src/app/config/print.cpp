#include <fmt/format.h>

#include "app/config/check.hpp"
#include "app/config/config.hpp"
#include "app/config/keys.hpp"

namespace stepcast::app {

namespace {

std::string_view last_of(const Key& key) {
    return key.name.substr(key.name.rfind('.') + 1);
}

// Of none there are only comments to print.
void print_webhooks(std::string& out, Config& config, bool comments) {
    if (comments) out += "\n# Any number of webhooks, each in a section [webhooks.NAME] of its own:\n";
    if (comments && config.webhooks.empty()) {
        Config::Webhook none;
        out += "# [webhooks.NAME]\n";
        for (const Key& key : webhook_keys())
            out +=
                fmt::format("# # {}\n# {} = {}\n", key.doc, last_of(key), format_value(key.of_webhook(none)));
    }
    for (auto& [name, webhook] : config.webhooks) {
        out += fmt::format("{}[webhooks.{}]\n", comments ? "" : "\n", name);
        for (const Key& key : webhook_keys()) {
            if (comments) out += fmt::format("# {}\n", key.doc);
            out += fmt::format("{} = {}\n", last_of(key), format_value(key.of_webhook(webhook)));
        }
    }
}

}  // namespace

std::string print_config(const Config& config, bool comments) {
    Config copy = config;
    std::string out;
    if (comments) {
        out +=
            "# Stepcast's settings with their defaults. Durations: \"300ms\", \"30s\", \"5m\", \"24h\", "
            "\"7d\"; sizes: \"64MiB\".\n"
            "# Stronger than this file: the variable STEPCAST_SERVER__PORT (or …_FILE, the path of a file "
            "that holds the\n"
            "# value), and strongest --set server.port=8082. `stepcast check-config --print` shows what "
            "holds.\n";
    }
    std::string_view section;
    const auto print_properties = [&] {
        if (section != "kafka") return;
        if (comments)
            out +=
                "\n# Any property of librdkafka by its own name, for SASL, TLS and tuning: security.protocol "
                "= \"SSL\"\n";
        out += comments ? "[kafka.properties]\n" : "\n[kafka.properties]\n";
        for (auto& [name, value] : copy.kafka.properties)
            out += fmt::format("{} = {}\n", format_value(Field{const_cast<std::string*>(&name)}),
                               is_secret_property(name) ? "\"***\"" : format_value(Field{&value}));
    };
    for (const Key& key : config_keys()) {
        const auto dot = key.name.find('.');
        if (key.name.substr(0, dot) != section) {
            print_properties();
            section = key.name.substr(0, dot);
            out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", section);
        }
        if (comments) out += fmt::format("# {}\n", key.doc);
        out += fmt::format("{} = {}\n", key.name.substr(dot + 1), format_value(key.field(copy)));
    }
    print_webhooks(out, copy, comments);
    return out;
}

}  // namespace stepcast::app

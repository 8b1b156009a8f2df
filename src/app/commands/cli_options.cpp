#include "app/commands/cli_options.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

namespace stepcast::app {

std::string environment_value(const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

void SettingsOptions::add_to(CLI::App& command) {
    command
        .add_option("-c,--config", file,
                    "Settings file; without it $STEPCAST_CONFIG, then ./config.toml if there is one")
        ->type_name("FILE");
    command.add_option("--set", sets, "One setting, stronger than file and environment (repeatable)")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
}

std::optional<Config> SettingsOptions::load() const {
    ConfigSources sources{.file = {}, .environment = process_environment(), .sets = sets};
    if (!file.empty()) {
        sources.file = file;
    } else if (const auto named = environment_value("STEPCAST_CONFIG"); !named.empty()) {
        sources.file = named;
    } else if (std::filesystem::exists("config.toml")) {
        sources.file = "config.toml";
    }
    auto config = load_config(sources);
    if (config) return std::move(*config);
    fmt::print(stderr, "{}\n", config.error());
    return std::nullopt;
}

}  // namespace stepcast::app

#pragma once
#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/config/config.hpp"

namespace stepcast::app {

// Not CLI11's `envname`: it reads the variables into the options of all commands, and those share their
// places.
std::string environment_value(const char* name, const char* otherwise = "");

/// Options of the commands that read the settings.
struct SettingsOptions {
    std::string file;
    std::vector<std::string> sets;

    void add_to(CLI::App& command);
    /// The settings, or what is wrong with them on stderr.
    std::optional<Config> load() const;

    /// Runs `command` with the settings, or says what is wrong with them.
    template <class Command>
    int with(Command command) const {
        const auto config = load();
        return config ? command(*config) : usage_error;
    }

    static constexpr int usage_error = 2;
};

}  // namespace stepcast::app

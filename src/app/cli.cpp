#include "app/cli.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "app/commands.hpp"
#include "app/config.hpp"
#include "app/logging.hpp"
#include "app/server.hpp"

namespace stepcast::app {
namespace {

constexpr int usage_error = 2;

/// Options of the commands that read the settings.
struct ConfigOptions {
    std::string file;
    std::vector<std::string> sets;

    void add_to(CLI::App& command) {
        command.add_option("-c,--config", file, "Settings file; without it ./config.toml if there is one")
            ->envname("STEPCAST_CONFIG")
            ->type_name("FILE");
        command.add_option("--set", sets, "One setting, stronger than file and environment (repeatable)")
            ->type_name("KEY=VALUE")
            ->allow_extra_args(false);
    }

    result<Config, std::string> load() const {
        ConfigSources sources{.file = {}, .environment = process_environment(), .sets = sets};
        if (!file.empty()) {
            sources.file = file;
        } else if (std::filesystem::exists("config.toml")) {
            sources.file = "config.toml";
        }
        return load_config(sources);
    }

    /// Runs `command` with the settings, or says what is wrong with them.
    template <class Command>
    int with(Command command) const {
        const auto config = load();
        if (config) return command(*config);
        fmt::print(stderr, "{}\n", config.error());
        return usage_error;
    }
};

}  // namespace

int run_cli(int argc, char** argv) {
    CLI::App app{"Stepcast: live progress that survives reconnects, from Kafka or HTTP to browsers."};
    app.set_version_flag("--version", std::string{version()});
    app.require_subcommand(1);
    app.footer(
        "Examples:\n"
        "  stepcast serve                                     listen on http://localhost:8082\n"
        "  stepcast serve --set bus.kind=kafka --set kafka.brokers=broker:9092\n"
        "  stepcast check-config --print                      show the settings that hold\n"
        "`stepcast COMMAND --help` tells more.");

    ConfigOptions options;
    auto* serve_command = app.add_subcommand("serve", "Run the server");
    options.add_to(*serve_command);

    auto* check_command = app.add_subcommand("check-config", "Check the settings without starting");
    options.add_to(*check_command);
    bool print = false;
    check_command->add_flag("--print", print, "Print the settings that hold, as TOML");
    bool defaults = false;
    check_command->add_flag("--defaults", defaults,
                            "Print a settings file with every key, its meaning and its default");

    auto* health_command = app.add_subcommand("healthcheck", "Ask the configured server whether it is alive");
    options.add_to(*health_command);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : usage_error;
    }

    if (*serve_command) {
        return options.with([](const Config& config) {
            const LogSession logging{config.log};
            return serve(config);
        });
    }
    if (*check_command && defaults) {
        std::fputs(print_config(Config{}, true).c_str(), stdout);
        return 0;
    }
    if (*check_command) {
        return options.with([&](const Config& config) {
            std::fputs(print ? print_config(config, false).c_str() : "the settings are valid\n", stdout);
            return 0;
        });
    }
    return options.with(healthcheck);
}

}  // namespace stepcast::app

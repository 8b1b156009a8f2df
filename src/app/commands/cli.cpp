#include "app/commands/cli.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "app/commands/cli_options.hpp"
#include "app/commands/cli_token.hpp"
#include "app/commands/commands.hpp"
#include "app/commands/credentials.hpp"
#include "app/commands/journal_commands.hpp"
#include "app/config/config.hpp"
#include "app/config/nearest.hpp"
#include "app/server/logging.hpp"
#include "app/server/server.hpp"
#include "app/version.hpp"
#include "proof/bench.hpp"
#include "proof/prove.hpp"

namespace stepcast::app {
namespace {

constexpr int usage_error = SettingsOptions::usage_error;

constexpr auto examples =
    "Examples:\n"
    "  stepcast serve                                     listen on http://localhost:8082\n"
    "  stepcast serve --set bus.kind=kafka --set kafka.brokers=broker:9092\n"
    "  stepcast check-config --print                      show the settings that hold\n"
    "  stepcast emit --user ada --task job-1 --type PROGRESS --percentage 40 --step-name resize\n"
    "  my-job | stepcast emit                             one event as JSON per line\n"
    "  stepcast tail --user ada                           bars on a terminal, NDJSON in a pipe\n"
    "  stepcast redrive --all                             hand over again what could not be handled\n"
    "  stepcast serve --set store.path=/var/lib/stepcast/journal\n"
    "  stepcast journal check FILE                        is the journal whole?\n"
    "  stepcast export FILE | stepcast import OTHER       move a journal\n"
    "  stepcast token keygen keys/dev && stepcast token new --key keys/dev.pem --sub ada\n"
    "  stepcast bench fanout --clients 1000\n"
    "  stepcast prove --kills 20                          breaks a server of its own, judges every stream\n"
    "`stepcast COMMAND --help` tells more.";

/// What is wrong with the first word, if it is meant to be a command and is none; empty otherwise.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
    const std::string word = argc > 1 ? argv[1] : "";
    if (word.empty() || word.starts_with('-')) return {};
    std::string nearest;
    std::size_t least = SIZE_MAX;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (command->get_name() == word) return {};
        if (const auto distance = edit_distance(word, command->get_name()); distance < least) {
            least = distance;
            nearest = command->get_name();
        }
    }
    return fmt::format("unknown command {}; the nearest known command is {} (stepcast --help lists all)",
                       word, nearest);
}

/// The commands with the places that their options are read into. What was asked for stands in `action` after
/// parsing.
class CommandLine {
  public:
    explicit CommandLine(CLI::App& app) {
        add_serve(app);
        add_check_config(app);
        add_healthcheck(app);
        add_emit(app);
        add_tail(app);
        add_redrive(app);
        add_bench(app);
        add_journal(app);
        add_prove(app);
        token_.add_to(app, action_);
        add_openapi(app);
    }

    int run() const { return action_(); }

  private:
    void add_serve(CLI::App& app) {
        auto* command = app.add_subcommand("serve", "Run the server");
        settings_.add_to(*command);
        command->callback([this] {
            action_ = [this] {
                return settings_.with([](const Config& config) {
                    const LogSession logging{config.log};
                    return serve(config);
                });
            };
        });
    }

    void add_check_config(CLI::App& app) {
        auto* command = app.add_subcommand("check-config", "Check the settings without starting");
        settings_.add_to(*command);
        command->add_flag("--print", print_, "Print the settings that hold, as TOML");
        command->add_flag("--defaults", defaults_,
                          "Print a settings file with every key, its meaning and its default");
        command->add_flag("--markdown", markdown_, "Print the same as docs/configuration.md, with ranges");
        command->callback([this] { action_ = [this] { return check_config(); }; });
    }

    int check_config() const {
        if (defaults_) {
            fmt::print("{}", print_config(Config{}, true));
            return 0;
        }
        if (markdown_) {
            fmt::print("{}", print_markdown());
            return 0;
        }
        return settings_.with([this](const Config& config) {
            fmt::print("{}", print_ ? print_config(config, false) : "the settings are valid\n");
            return 0;
        });
    }

    void add_healthcheck(CLI::App& app) {
        auto* command = app.add_subcommand("healthcheck", "Ask the configured server whether it is alive");
        settings_.add_to(*command);
        command->callback([this] { action_ = [this] { return settings_.with(healthcheck); }; });
    }

    void add_url(CLI::App& command) {
        command
            .add_option("--server", url_,
                        "The server's address, http:// or https://, with the path that a proxy gave it; "
                        "without it $STEPCAST_URL")
            ->capture_default_str();
        command
            .add_option(
                "--ca", ca_file_,
                "For an https:// server: file of the authorities (PEM) that vouch for its certificate, "
                "or of the certificate itself; without it those of this machine")
            ->type_name("FILE");
        add_token_file(command, token_file_);
    }

    /// Runs a client command on the server that the options name, or says what is wrong with them.
    template <class Command>
    int on_server(Command command) const {
        auto server = find_server(url_, token_file_, ca_file_);
        if (!server) return complain(server.error());
        return command(std::move(*server));
    }

    void add_emit(CLI::App& app) {
        auto* command = app.add_subcommand("emit", "Post one event given by options, or NDJSON from stdin");
        add_url(*command);
        const auto text = [&](const char* option, const char* member, const char* help) {
            command->add_option_function<std::string>(
                option, [this, member](const std::string& value) { event_[member] = value; }, help);
        };
        const auto number = [&](const char* option, const char* member, const char* help) {
            command->add_option_function<std::int64_t>(
                option, [this, member](std::int64_t value) { event_[member] = value; }, help);
        };
        text("--task", "taskId", "The task");
        text("--user", "userId", "Whose task it is; with a token that names somebody it may be left out");
        text("--type", "eventType", "STARTED, PROGRESS, COMPLETED or FAILED");
        number("--step", "currentStep", "How many steps are done");
        number("--steps", "totalSteps", "How many steps there are");
        number("--percentage", "percentage", "0 to 100; without it the steps tell");
        text("--step-name", "stepName", "What is being done");
        text("--event-id", "eventId", "Makes a repeat harmless; without it one is made");
        text("--timestamp", "timestamp", "RFC 3339; without it the server's time");
        command->add_option("--detail", detail_, "A JSON object of your own");
        command
            ->add_option("--patience", patience_s_,
                         "Seconds to try on after the input's end while the server is away; 0: no longer")
            ->check(CLI::Range{0, 86400})
            ->capture_default_str();
        command->footer(
            "Examples:\n"
            "  stepcast emit --user ada --task job-1 --type STARTED --steps 3\n"
            "  stepcast emit --user ada --task job-1 --type PROGRESS --step 1 --steps 3 --step-name resize\n"
            "  my-job | stepcast emit        one event per line: "
            "{\"taskId\":…,\"userId\":…,\"eventType\":…}\n"
            "Prints the ids of what was accepted; a refusal names the line of the input. While the server "
            "is\n"
            "away, reading goes on into 64 MiB; then the job waits in its writes.");
        command->callback([this] { action_ = [this] { return run_emit(); }; });
    }

    int run_emit() {
        if (!detail_.empty()) {
            boost::json::error_code error;
            event_["detail"] = boost::json::parse(detail_, error);
            if (error) return complain("--detail: no JSON");
        }
        return on_server([this](CalledServer server) {
            return emit({.server = std::move(server),
                         .event = event_.empty() ? "" : boost::json::serialize(event_),
                         .patience = std::chrono::seconds{patience_s_}});
        });
    }

    void add_tail(CLI::App& app) {
        auto* command = app.add_subcommand("tail", "Follow a user's tasks or one task");
        add_url(*command);
        command->add_option("--user", tail_.user, "All tasks of a user");
        command->add_option("--task", tail_.task, "One task; its end ends the command, with 1 if it FAILED");
        command->add_option("--cursor", tail_.cursor,
                            "The id of the last frame seen: what came after it comes first");
        command->add_flag("--json", tail_.json, "One JSON object a line, also on a terminal");
        command->callback([this] {
            if (tail_.user.empty() && tail_.task.empty()) throw CLI::RequiredError{"--user or --task"};
            action_ = [this] {
                return on_server([this](CalledServer server) {
                    tail_.server = std::move(server);
                    return tail(tail_);
                });
            };
        });
    }

    void add_bench(CLI::App& app) {
        auto* command = app.add_subcommand("bench", "Load a running server, check every stream and measure");
        command->footer("Scenarios:\n" + proof::bench_scenarios());
        command->add_option("scenario", bench_.scenario, "Which load")->required();
        command->add_option("--server", bench_.server, "The server's address")->capture_default_str();
        command->add_option("--pid", bench_.server_pid, "The server's process, for its CPU and memory");
        command->add_option("--subscribe", bench_.subscribe, "Target of the streams; {user} is the user")
            ->capture_default_str();
        command->add_option("--publish", bench_.publish, "Target of the posts; {user} is the user")
            ->capture_default_str();
        command->add_option("--clients", bench_.clients, "Streams (churn: per user), accounts or transfers")
            ->capture_default_str();
        command->add_option("--users", bench_.users, "Users (churn)")->capture_default_str();
        command->add_option("--in-flight", bench_.in_flight, "Events under way at once")
            ->capture_default_str();
        command->add_option("--rate", bench_.rate, "Events per second")->capture_default_str();
        command->add_option("--seconds", bench_.seconds, "How long is measured")->capture_default_str();
        command->add_option("--events", bench_.events, "Events of the task (replay), or deposits")
            ->capture_default_str();
        command->add_option("--stalled", bench_.stalled, "Clients that do not read (slow)")
            ->capture_default_str();
        command->add_option("--seed", bench_.seed, "Of the random cuts; 0 draws one")->capture_default_str();
        command->add_flag("--json", bench_.json, "One JSON object");
        command->callback([this] { action_ = [this] { return proof::run_bench(bench_, std::cout); }; });
    }

    void add_journal(CLI::App& app) {
        auto* command = app.add_subcommand("journal", "Look after the file that store.path names");
        command->require_subcommand(1);
        add_file_command(*command, "check", "Read all of it, also while a server uses it; 1 if it is damaged",
                         journal_check);
        add_file_command(*command, "repair",
                         "Keep what can be read of a damaged file, which is kept beside it", journal_repair);
        add_file_command(*command, "compact", "Give all free space back to the disk", journal_compact);
        auto* backup =
            add_file_command(*command, "backup", "Copy it, also while a server uses it",
                             [this](const std::string& file) { return journal_backup(file, to_); });
        backup->add_option("to", to_, "The copy, a new file")->required();
        auto* restore = command->add_subcommand(
            "restore", "Put a backup in a journal's place, which is kept beside it; no server may use it");
        restore->add_option("backup", to_, "The backup, which is read first")->required();
        restore->add_option("file", journal_, "The journal")->required();
        restore->callback([this] { action_ = [this] { return journal_restore(to_, journal_); }; });
        add_file_command(app, "export", "Write a journal as NDJSON, also while a server uses it",
                         journal_export);
        add_file_command(app, "import", "Fill a new journal with an export from stdin", journal_import);
    }

    void add_openapi(CLI::App& app) {
        auto* command = app.add_subcommand("openapi", "Print the HTTP interface as OpenAPI 3.1");
        command->add_flag("--markdown", markdown_, "As docs/api.md has it");
        command->callback([this] {
            action_ = [this] {
                return print_interface(markdown_ ? Interface::markdown : Interface::openapi);
            };
        });
        app.add_subcommand("asyncapi", "Print the streams and topics as AsyncAPI 3.0")->callback([this] {
            action_ = [] { return print_interface(Interface::asyncapi); };
        });
    }

    template <class Run>
    CLI::App* add_file_command(CLI::App& app, const char* name, const char* help, Run run) {
        auto* command = app.add_subcommand(name, help);
        command->add_option("file", journal_, "The journal")->required();
        command->callback([this, run] { action_ = [this, run] { return run(journal_); }; });
        return command;
    }

    void add_prove(CLI::App& app) {
        auto* command =
            app.add_subcommand("prove", "Start a server, break it by a script and judge every stream");
        const auto option = [&](const char* name, auto& value, const char* help) {
            command->add_option(name, value, help)->capture_default_str();
        };
        option("--subscribers", prove_.subscribers, "Streams; they behave as browsers do");
        option("--seconds", prove_.seconds,
               "Length of the script; 0: as its faults need, with --attach until stdin ends");
        option("--rate", prove_.rate, "Events per second");
        option("--kills", prove_.kills, "kill -9 of the server");
        option("--terms", prove_.terms, "SIGTERM to the server");
        option("--seed", prove_.seed, "Of the script; 0 draws one");
        option("--target", prove_.target, "stepcast, nchan, node, or the URL of an SSE hub with {user}");
        option("--attach", prove_.attach, "URL of a Stepcast with a journal that you run and break yourself");
        option("--publish", prove_.publish, "URL to POST an event to, for a URL target: {user} {task} {id}");
        option("--body", prove_.body, "Body of that POST: {data}, {data_url} and the names above");
        option("--content-type", prove_.content_type, "Of that POST");
        command
            ->add_option("--header", prove_.headers,
                         "\"Name: value\" for every request to a URL (repeatable)")
            ->allow_extra_args(false);
        option("--hub", prove_.hub, "The file that the target node runs");
        option("--kafka", prove_.kafka, "Brokers: the server takes its events from there");
        option("--broker-pid", prove_.broker_pid, "The broker's process: it is frozen for some seconds");
        command->add_option("--set", prove_.sets, "A setting of the server, KEY=VALUE (repeatable)")
            ->allow_extra_args(false);
        command->add_flag("--memory", prove_.memory, "No journal: a kill is an announced reset");
        command->add_flag("--bank", prove_.bank,
                          "The bank: deposits and transfers under kills, every won and every answer judged");
        command->add_flag(
            "--shop", prove_.shop,
            "The shop: orders and cancels under kills; each must end, money and stock be whole");
        command->add_flag("--script", prove_.script, "Print the script and do nothing");
        command->add_flag("--keep", prove_.keep, "Leave the folder with journal and logs");
        command->add_flag("--json", prove_.json, "One JSON object");
        command->footer(
            "Exit code 0: nothing lost, doubled, skipped, reordered or changed, and all of the script done.");
        command->callback([this] { action_ = [this] { return proof::run_prove(prove_, std::cout); }; });
    }

    SettingsOptions settings_;
    std::string journal_;
    std::string to_;
    bool print_ = false;
    bool markdown_ = false;
    bool defaults_ = false;
    std::string url_ = environment_value("STEPCAST_URL", "http://localhost:8082");
    std::string token_file_;
    std::string ca_file_;
    TokenCli token_;
    boost::json::object event_;
    void add_redrive(CLI::App& app) {
        auto* command =
            app.add_subcommand("redrive", "List records that could not be handled, or hand them over again");
        add_url(*command);
        command->add_option("ID", redrive_.ids, "A dead letter; without one they are listed");
        command->add_flag("--all", redrive_.all, "All that are parked");
        command->callback([this] {
            action_ = [this] {
                return on_server([this](CalledServer server) {
                    redrive_.server = std::move(server);
                    return redrive(redrive_);
                });
            };
        });
    }

    std::string detail_;
    RedriveOptions redrive_;
    int patience_s_ = 60;
    TailOptions tail_;
    proof::BenchOptions bench_;
    proof::ProveOptions prove_;
    std::function<int()> action_;
};

}  // namespace

int run_cli(int argc, char** argv) {
    CLI::App app{"Stepcast: live progress that survives reconnects, from Kafka or HTTP to browsers."};
    app.set_version_flag("--version", std::string{version()});
    app.require_subcommand(1);
    CommandLine command_line{app};
    app.footer(examples);  // after the commands, which would inherit it
    if (const auto wrong = unknown_command(app, argc, argv); !wrong.empty()) return complain(wrong);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : usage_error;
    }
    return command_line.run();
}

}  // namespace stepcast::app

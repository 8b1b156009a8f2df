#include "app/commands/cli_token.hpp"

#include "app/commands/credentials.hpp"

namespace stepcast::app {

void add_token_file(CLI::App& command, std::string& file) {
    command
        .add_option(
            "--token-file", file,
            "File that holds the token, - for stdin; without it $STEPCAST_TOKEN. Never an argument, which "
            "everybody on the machine may read")
        ->type_name("FILE");
}

void TokenCli::add_to(CLI::App& app, std::function<int()>& action) {
    auto* token = app.add_subcommand("token", "Make and inspect tokens, and the keys for them");
    token->require_subcommand(1);
    add_new(*token, action);
    add_inspect(*token, action);
    add_keygen(*token, action);
}

void TokenCli::add_new(CLI::App& token, std::function<int()>& action) {
    auto* command = token.add_subcommand("new", "Sign a token, for development and tests; it goes to stdout");
    command->add_option("--key", new_.key, "Private key (PEM) or secret (.secret)")
        ->required()
        ->type_name("FILE");
    command->add_option("--alg", new_.algorithm,
                        "Algorithm; without it RS256, or the strongest that the key takes");
    command->add_option("--sub", new_.subject, "The user")->required();
    command->add_option("--scope", new_.scope, "Words such as \"publish admin\"");
    command->add_option("--ttl", new_.ttl, "How long it holds, such as 15m, 24h or 7d")
        ->capture_default_str();
    command->add_option("--iss", new_.issuer, "The issuer");
    command->add_option("--aud", new_.audiences, "An audience (repeatable)")->allow_extra_args(false);
    command->add_option("--claim", new_.claims, "Any other claim, NAME=JSON (repeatable)")
        ->type_name("NAME=JSON")
        ->allow_extra_args(false);
    command->callback([this, &action] { action = [this] { return token_new(new_); }; });
}

void TokenCli::add_inspect(CLI::App& token, std::function<int()>& action) {
    auto* command = token.add_subcommand(
        "inspect", "Show what a token says, and whether the configured server would take it; 1 if not");
    settings_.add_to(*command);
    add_token_file(*command, token_file_);
    command->add_option("--at", inspect_.at, "Judge as of this time (RFC 3339)")->type_name("TIME");
    command->callback([this, &action] {
        action = [this] {
            return settings_.with([this](const Config& config) {
                auto token = read_token_option(token_file_);
                if (!token) return complain(token.error());
                inspect_.token = std::move(*token);
                return token_inspect(config, inspect_);
            });
        };
    });
}

void TokenCli::add_keygen(CLI::App& token, std::function<int()>& action) {
    auto* command = token.add_subcommand("keygen", "Make a key: for tokens, or with --publish for a worker");
    command->add_option(
        "name", keygen_.path,
        "For tokens: NAME.pem (private) and NAME.pub.pem are written, or NAME.secret for HMAC");
    command->add_option("--alg", keygen_.algorithm, "HS256, RS256, ES256, EdDSA …")->capture_default_str();
    command->add_option("--publish", publisher_.name, "Name of the worker, whose key goes to stdout");
    command->add_option("--scope", publisher_.scope, "What that worker may do")->capture_default_str();
    command
        ->add_option("--file", publisher_.file,
                     "The file of auth.publisher_keys, which gets the worker's line")
        ->type_name("FILE");
    command->callback([this, &action] {
        if (keygen_.path.empty() == publisher_.name.empty()) throw CLI::RequiredError{"NAME or --publish"};
        if (!publisher_.name.empty() && publisher_.file.empty()) throw CLI::RequiredError{"--file"};
        action = [this] {
            return publisher_.name.empty() ? token_keygen(keygen_) : publisher_keygen(publisher_);
        };
    });
}

}  // namespace stepcast::app

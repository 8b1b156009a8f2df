#pragma once
#include <functional>
#include <string>

#include "app/commands/cli_options.hpp"
#include "app/commands/token_commands.hpp"

namespace stepcast::app {

/// `stepcast token new|inspect|keygen` with the places that their options are read into.
class TokenCli {
  public:
    /// What was asked for stands in `action` after parsing. Both outlive the app.
    void add_to(CLI::App& app, std::function<int()>& action);

  private:
    void add_new(CLI::App& token, std::function<int()>& action);
    void add_inspect(CLI::App& token, std::function<int()>& action);
    void add_keygen(CLI::App& token, std::function<int()>& action);

    SettingsOptions settings_;
    TokenOptions new_;
    InspectOptions inspect_;
    std::string token_file_;
    KeygenOptions keygen_;
    PublisherOptions publisher_;
};

/// `--token-file` of the commands that call a server.
void add_token_file(CLI::App& command, std::string& file);

}  // namespace stepcast::app

#pragma once

namespace stepcast::app {

/// Reads the command line and runs its command. Returns the process's exit code: 0 done, 1 failed, 2 the
/// command line or the settings were wrong.
int run_cli(int argc, char** argv);

}  // namespace stepcast::app

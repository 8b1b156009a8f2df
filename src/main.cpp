#include "app/commands/cli.hpp"

/// Read by jemalloc, where it is linked. By itself it gives memory back only while a thread allocates: a
/// server that has become quiet would keep what it needed when it was not.
extern "C" const char* malloc_conf;
const char* malloc_conf = "background_thread:true";

int main(int argc, char** argv) {
    return stepcast::app::run_cli(argc, argv);
}

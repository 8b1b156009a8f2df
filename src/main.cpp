#include "app/cli.hpp"

int main(int argc, char** argv) {
    return stepcast::app::run_cli(argc, argv);
}

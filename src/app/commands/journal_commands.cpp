#include "app/commands/journal_commands.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/server/wiring.hpp"
#include "store/journal/tools.hpp"

namespace stepcast::app {
namespace {

void tell(const std::string& line) {
    fmt::print(stderr, "{}\n", line);
}

int complain(const Error& error) {
    fmt::print(stderr, "stepcast: {}\n", error.detail.empty() ? error.text() : error.detail);
    return 1;
}

std::string mebibytes(std::uint64_t bytes) {
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

std::uint64_t size_of(const std::string& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    return error ? 0 : size;
}

}  // namespace

int journal_check(const std::string& path) {
    const auto report = store::check_journal(path, stored_categories(), tell);
    if (!report) return complain(report.error());
    fmt::print("{}: {} events, epoch {}, position {}, {} of which {} are free\n", path, report->events,
               report->epoch, report->head, mebibytes(report->size.whole),
               mebibytes(report->size.whole - report->size.used));
    for (const auto& problem : report->problems) fmt::print("  {}\n", problem);
    if (report->problems.empty()) {
        fmt::print("everything in it is as it was written\n");
        return 0;
    }
    fmt::print(
        "it is damaged: put a backup in its place (stepcast journal restore BACKUP {0}), or keep what can be "
        "read (stepcast journal repair {0})\n",
        path);
    return 1;
}

int journal_repair(const std::string& path) {
    const auto repair = store::repair_journal(path, stored_categories(), tell);
    if (!repair) return complain(repair.error());
    fmt::print("{}: {} events kept; the file as it was is {}\n", path, repair->kept, repair->damaged_file);
    if (repair->whole()) {
        fmt::print("nothing was lost\n");
        return 0;
    }
    for (const auto& problem : repair->problems) fmt::print("  {}\n", problem);
    fmt::print(
        "{} positions could not be read, which left {} gaps in tasks; what is not there is lost, and clients "
        "are told by a reset\n",
        repair->unreadable, repair->broken);
    return 0;
}

int journal_compact(const std::string& path) {
    const auto before = size_of(path);
    if (const auto done = store::compact_journal(path, stored_categories()); !done)
        return complain(done.error());
    fmt::print("{}: {}, before {}\n", path, mebibytes(size_of(path)), mebibytes(before));
    return 0;
}

int journal_backup(const std::string& path, const std::string& to) {
    if (const auto done = store::backup_journal(path, to); !done) return complain(done.error());
    fmt::print("{}: {}, a whole journal\n", to, mebibytes(size_of(to)));
    return 0;
}

int journal_restore(const std::string& backup, const std::string& path) {
    const auto aside = store::restore_journal(backup, path, stored_categories(), tell);
    if (!aside) return complain(aside.error());
    fmt::print("{}: {}, as in {}\n", path, mebibytes(size_of(path)), backup);
    if (!aside->empty()) fmt::print("the journal as it was is {}\n", *aside);
    return 0;
}

namespace {

bool stdout_may_stall() {
    struct stat out{};
    return ::fstat(STDOUT_FILENO, &out) != 0 || !S_ISREG(out.st_mode);
}

// A file without a name in $TMPDIR; not open if none can be made.
std::fstream nameless_file() {
    std::error_code error;
    std::string name = (std::filesystem::temp_directory_path(error) / "stepcast-export-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    if (fd < 0) return {};
    std::fstream file{name, std::ios::in | std::ios::out | std::ios::binary | std::ios::trunc};
    ::unlink(name.c_str());
    ::close(fd);
    return file;
}

}  // namespace

// One view of the journal is one history, but while it lasts the server's log only grows. So what goes to
// somebody who may stall (a pipe into `less`) is read whole first.
int journal_export(const std::string& path) {
    std::ios::sync_with_stdio(false);
    std::fstream spool;
    const bool spooled = stdout_may_stall();
    if (spooled) spool = nameless_file();
    if (spooled && !spool.is_open()) {
        tell("stepcast: no temporary file can be made: set TMPDIR to a folder with room, or write to a file");
        return 1;
    }
    std::ostream& out = spooled ? static_cast<std::ostream&>(spool) : std::cout;
    const auto count = store::export_journal(path, stored_categories(), out, tell);
    if (!count) return complain(count.error());
    if (spooled) {
        spool.seekg(0);
        std::cout << spool.rdbuf() << std::flush;
        if (!std::cout) {
            tell("stepcast: the output cannot be written");
            return 1;
        }
    }
    tell(fmt::format("{} events written", *count));
    return 0;
}

int journal_import(const std::string& path) {
    std::ios::sync_with_stdio(false);
    const auto count = store::import_journal(path, stored_categories(), check_stored, std::cin, tell);
    if (!count) return complain(count.error());
    fmt::print("{}: {} events, {}\n", path, *count, mebibytes(size_of(path)));
    return 0;
}

}  // namespace stepcast::app

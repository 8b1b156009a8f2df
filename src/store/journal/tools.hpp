#pragma once
#include <functional>
#include <iosfwd>
#include <string>

#include "store/journal/file.hpp"

namespace stepcast::store {

/// What a person does with a journal's file while no server, or, where that is said, while one uses it. Every
/// call blocks. `on_line` gets a line about how far it is now and then.
using OnLine = std::function<void(const std::string& line)>;

struct JournalReport {
    std::string epoch;
    Position head = 0;
    std::uint64_t events = 0;
    JournalFile::Size size{};
    std::vector<std::string> problems;  ///< the first twenty
};

/// Reads the whole file and looks for what is not as it was written. A server may use it meanwhile.
result<JournalReport> check_journal(const std::string& path, Categories categories, const OnLine& on_line);

/// Copies the journal as it stands to `to`, which must not exist, under an epoch of its own. A server may use
/// it meanwhile.
result<void> backup_journal(const std::string& path, const std::string& to);

/// Gives everything that is free back to the disk.
result<void> compact_journal(const std::string& path, Categories categories);

struct Repair {
    std::uint64_t kept = 0;
    std::uint64_t unreadable = 0;       ///< positions at which an event could not be read
    std::uint64_t broken = 0;           ///< gaps in streams, behind which versions were numbered anew
    std::vector<std::string> problems;  ///< what else was not as it was written, or is not there any more
    std::string damaged_file;           ///< what the damaged file is called now

    /// The history goes on under its epoch.
    bool whole() const { return unreadable == 0 && broken == 0 && problems.empty(); }
};

/// Makes a new file of all that can be read and puts it in the old one's place, which is kept. If anything
/// was lost it gets a new epoch, so that clients are told.
result<Repair> repair_journal(const std::string& path, Categories categories, const OnLine& on_line);

/// Puts a copy of the backup, which is read and judged first, in the journal's place. Returns what the
/// journal that was there is called now; empty if there was none. The backup keeps its epoch.
result<std::string> restore_journal(const std::string& backup, const std::string& path, Categories categories,
                                    const OnLine& on_line);

/// Gives the file `made` the name `path`, on the same file system, and what was there, with its log and mark,
/// the name `aside`. `path` as `own_name` has it; the lock of what was there is held.
result<void> put_in_place(const std::string& made, const std::string& path, const std::string& aside);

/// Writes everything as NDJSON: a head, what is known besides events, one line per event in order, an end. A
/// server may use the journal meanwhile. Returns the number of events.
result<std::uint64_t> export_journal(const std::string& path, Categories categories, std::ostream& out,
                                     const OnLine& on_line);

/// Refuses what is no event of the module that its category belongs to.
using EventCheck = std::function<result<void>(const event::Event& draft)>;

/// Makes a journal of what `export_journal` wrote; its epoch and positions stay, so clients go on with their
/// cursors. The file gets its name at the end and must not exist before; a failure leaves none. The error
/// names the line.
result<std::uint64_t> import_journal(const std::string& path, Categories categories, const EventCheck& check,
                                     std::istream& in, const OnLine& on_line);

/// Sees to it that a file or folder is on the disk as it is now.
void sync_to_disk(const std::string& path);

}  // namespace stepcast::store

#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/journal_group.hpp"
#include "store/sqlite.hpp"

namespace stepcast::store {

enum class journal_errc {
    unusable = 1,  ///< missing, of something else, read-only, or from a newer version; the detail says which
    in_use,        ///< another process writes to it
    damaged,       ///< what was read is not what was written
    full,          ///< the file is at its bound, `max_bytes`
    failing,       ///< it cannot be written now: the disk is full, or says why not
};
std::error_code make_error_code(journal_errc e);

/// One event as it stands in the file.
struct StoredEvent {
    event::Draft draft;
    Version version = 0;
    Position position = 0;
    Timestamp recorded_at{};
};

/// Everything that stands in the file but the events.
struct JournalBase {
    struct Source {
        std::string consumer;
        std::string topic;
        std::int32_t partition = 0;
        std::int64_t offset = 0;
    };
    struct Stream {
        const Category* category = nullptr;
        StreamHead head;
        Snapshot snapshot;
    };

    Position floor = 0;
    std::vector<Loss> losses;     ///< the oldest first
    std::vector<Stream> streams;  ///< those that have a snapshot
    std::vector<Source> sources;
    std::vector<Owed> owed;
    std::vector<InboxMark> marks;
    std::vector<Timer> timers;
};

/// A file's own absolute name, symbolic links resolved, whether or not it exists: locks go by name.
std::string own_name(const std::string& path);

/// The SQLite file behind a journalled store. Used by one thread at a time; every call may block.
///
/// Its tables: `events` (a row per event: `data` is its JSON, `ids` where the three ids stand in it, `sum`
/// guards all of the row), `types`, `snapshots` (`state` ends with a sum over the row), `losses`, `sources`,
/// `outbox`, `inbox`, `timers`, and `meta` with the epoch, the head, the floor. An event that is hidden by a
/// loss does not count: it is removed later.
class JournalFile {
  public:
    static constexpr int schema = 3;  ///< 1 had no inbox and no timers, 2 no sums of snapshots

    struct Options {
        std::string path;
        std::uint64_t max_bytes = 0;  ///< 0: no bound
        std::span<const Category* const> categories{};
        bool must_exist = false;
    };
    struct Size {
        std::uint64_t used = 0;   ///< bytes of pages with content
        std::uint64_t whole = 0;  ///< bytes of the file
        int log_pages = 0;        ///< written and not yet moved into the file
        bool shrinks = true;      ///< false once giving back free pages was in vain
        /// There is something for `tend`.
        bool untidy() const;
    };

    /// Opens it for writing, as its only writer; makes it if it is missing. The detail is one line for
    /// people.
    static result<std::unique_ptr<JournalFile>> open(Options options);
    /// Opens it to read what stands in it now; a server may go on writing meanwhile. Calls that write fail.
    static result<std::unique_ptr<JournalFile>> open_to_read(Options options);
    ~JournalFile();

    const std::string& epoch() const { return epoch_; }
    Position head() const { return head_; }
    const std::string& path() const { return options_.path; }

    /// A snapshot that is not what was written is damage, or, where `left_out` is given, named there and left
    /// out.
    result<JournalBase> read_base(std::vector<std::string>* left_out = nullptr);
    /// Events behind a position that are not hidden by a loss.
    struct EventPage {
        std::vector<StoredEvent> events;
        std::vector<Position> hidden;  ///< what is still to be removed
        Position through = 0;          ///< as asked for: the end
    };
    /// Looks at no more than `limit` rows. After read_base.
    result<EventPage> read_events(Position after, std::size_t limit);

    /// Writes the group, whole or not at all. `head`: the position of the last event ever written.
    result<Size> write(const JournalGroup& group, Position head);
    /// What can be done between two groups, when the file is untidy: moves the log into the file, gives back
    /// a few free pages. Empty if that failed.
    std::optional<Size> tend();
    /// Puts everything into the one file. The file stays usable.
    void settle();
    Size size();
    /// What SQLite finds wrong with its pages, at most `limit` lines. Throws SqliteError.
    std::vector<std::string> integrity(std::size_t limit);
    /// Rewrites the file without free pages. Throws SqliteError.
    void compact();
    /// Replaces everything but the events, and the name of the history.
    result<void> write_base(const JournalBase& base, Position head, const std::string& epoch);
    /// Ends the reading: what it needed is let go.
    void loaded() { hides_ = {}; }

  private:
    struct Type {
        const Category* category;
        std::uint8_t type;
        std::uint8_t schema;
        event::Lifecycle lifecycle;
    };
    struct Statements;

    explicit JournalFile(Options options);
    result<void> open_file();
    result<void> check_kind();
    result<void> read_head();
    void make_tables();
    void upgrade();
    void sum_snapshots();
    result<void> read_types();
    StoredEvent decode(const Statement& row) const;
    void write_events(const JournalGroup& group);
    std::int64_t type_number(const event::Event& event);
    void write_changes(const JournalGroup& group);
    void write_promises(const JournalGroup& group);
    bool bound_refuses(const JournalGroup& group);
    std::uint64_t most_pages() const;
    void bound_pages(std::uint64_t count);
    const Category* category(std::string_view name) const;
    void read_losses(JournalBase& base);
    void read_streams(JournalBase& base, std::vector<std::string>* left_out);
    std::int64_t meta_number(std::string_view name);
    void set_meta(std::string_view name, std::int64_t value);
    Error error_of(const SqliteError& e) const;

    Options options_;
    FileLock lock_;
    Database db_;
    std::string epoch_;
    Position head_ = 0;
    std::unique_ptr<Statements> statements_;
    std::vector<Type> types_;                                   // by number
    boost::unordered_flat_map<std::uint64_t, Position> hides_;  // by hash of a stream: while loading
    std::string json_;
    std::string ids_;
    std::size_t written_types_ = 0;
    bool summed_ = true;  // snapshots end with a sum
    int log_pages_ = 0;
    bool shrinks_ = true;
    bool doubtful_ = false;  // the last write failed
};

/// Reads all events that can be read, past those that cannot.
class Salvage {
  public:
    explicit Salvage(JournalFile& file) : file_{file} {}

    /// True if there are more; `events` holds them then.
    bool next(std::size_t limit);
    const std::vector<StoredEvent>& events() const { return events_; }
    std::uint64_t unreadable() const { return unreadable_; }
    const std::vector<std::string>& problems() const { return problems_; }  ///< the first twenty

  private:
    JournalFile& file_;
    Position after_ = 0;
    std::size_t careful_ = 0;  // reads of a single place that are still to be made
    std::vector<StoredEvent> events_;
    std::uint64_t unreadable_ = 0;
    std::vector<std::string> problems_;
};

}  // namespace stepcast::store

template <>
struct std::is_error_code_enum<stepcast::store::journal_errc> : std::true_type {};

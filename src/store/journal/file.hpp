#pragma once
#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/journal/below_snapshots.hpp"
#include "store/journal/errc.hpp"
#include "store/journal/event_rows.hpp"
#include "store/journal/group.hpp"
#include "store/journal/lock.hpp"
#include "store/journal/mark.hpp"
#include "store/journal/meta.hpp"
#include "store/journal/reader.hpp"

namespace stepcast::store {

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
    std::vector<Loss> losses;        ///< the oldest first
    std::vector<Stream> streams;     ///< those that have a snapshot
    std::vector<KeptSnapshot> kept;  ///< see read_kept
    std::vector<Source> sources;
    std::vector<PendingMessage> messages;
    std::vector<SentMessage> sent;  ///< of a file that goes on, the oldest first
    std::vector<InboxMark> marks;
    std::vector<Timer> timers;
};

/// A file's own absolute name, symbolic links resolved, whether or not it exists: its log goes by that.
std::string own_name(const std::string& path);

/// The SQLite file behind a journalled store. Used by one thread at a time; every call may block.
///
/// Its tables: `events` (a row per event: `data` is its JSON, `ids` where the three ids stand in it, `sum`
/// guards all of the row), `types`, `snapshots` and `snapshots_kept` (`state` ends with a sum over the row),
/// `losses`, `sources`, `outbox`, `inbox`, `timers`, and `meta`, see JournalMeta. An event that is hidden by
/// a loss does not count: it is removed later.
class JournalFile {
  public:
    /// 1 had no inbox and no timers, 2 no sums of snapshots, 3 no groups, owner and sum in
    /// `meta`, no answers in the inbox, no headers and times in the outbox, no metadata of events and no
    /// categories of what subjects lost, 4 no snapshots that stay.
    static constexpr int schema = 5;
    static constexpr std::int64_t application = 0x53746570;  ///< "Step"

    struct Options {
        std::string path;
        std::uint64_t max_bytes = 0;  ///< beyond what a group says is exempt; 0: no bound
        std::span<const Category* const> categories{};
        bool must_exist = false;
        bool salvage = false;  ///< to read: also what is damaged as a whole, see `problems`
    };
    struct Size {
        std::uint64_t used = 0;   ///< bytes of pages with content
        std::uint64_t whole = 0;  ///< bytes of the file
        std::uint64_t log = 0;    ///< bytes of the log beside it
        bool pinned = false;      ///< a reader keeps the log from being moved into the file
        int log_pages = 0;        ///< written since the log was last looked after
        bool shrinks = true;      ///< false once no free page could be given back
        /// There is something for `tend`.
        bool untidy() const;
    };

    /// Opens it for writing, as its only writer; makes it if it is missing. The detail is one line for
    /// people.
    static result<std::unique_ptr<JournalFile>> open(Options options);
    /// Opens it to read what stands in it now; a server may go on writing meanwhile. Calls that write fail.
    static result<std::unique_ptr<JournalFile>> open_to_read(Options options);
    ~JournalFile();

    const std::string& epoch() const { return meta_.epoch; }
    /// The position of the last event ever written. A file of an older version may say less in `meta` than
    /// its rows do.
    Position head() const { return std::max(meta_.head, last_row_); }
    const std::string& path() const { return options_.path; }
    /// What is wrong with it as a whole; empty unless it was opened for salvage.
    const std::vector<std::string>& problems() const { return problems_; }

    /// A snapshot that is not what was written is damage, or, where `left_out` is given, named there and left
    /// out.
    result<JournalBase> read_base(std::vector<std::string>* left_out = nullptr);
    /// Adds the snapshots that stay to `base`, which only tools need: a start leaves them where they are.
    /// With `left_out` as above.
    result<void> read_kept(JournalBase& base, std::vector<std::string>* left_out = nullptr);
    /// How large the states of those are: all that a start needs of them. What cannot be read is left out.
    struct KeptState {
        const Category* category = nullptr;
        std::string stream_id;
        std::size_t bytes = 0;
    };
    std::vector<KeptState> kept_states();
    /// Of these streams, which are in the order of `base`, read_events gives the events below snapshots of
    /// these kinds as AwayEvents only.
    void leave_below_snapshots(const JournalBase& base, std::span<const SnapshotKind> kinds);
    /// Events behind a position that are not hidden by a loss.
    struct EventPage {
        std::vector<StoredEvent> events;
        std::vector<AwayEvent> away;     ///< not among `events`
        std::uint64_t away_bytes = 0;    ///< that they take of the file
        std::vector<Position> hidden;    ///< what is still to be removed
        std::uint64_t hidden_bytes = 0;  ///< that it takes of the file
        std::vector<Loss>
            hidden_losses;     ///< of subjects of hidden events, beyond what the base says; without number
        Position through = 0;  ///< as asked for: the end
    };
    /// Looks at no more than `limit` rows. After read_base.
    result<EventPage> read_events(Position after, std::size_t limit);

    /// Another connection to it, which goes before this one. Only of one that is open for writing.
    result<std::unique_ptr<JournalReader>> reader() const;

    /// Writes the group, whole or not at all; success is what may be acknowledged: the file has its name
    /// still, nobody else wrote to it, and its mark says so. `head`: the position of the last event ever
    /// written. An empty group writes nothing and looks only.
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
    /// Replaces everything but the events, and the name of the history; drops the mark.
    result<void> write_base(const JournalBase& base, Position head, const std::string& epoch);
    /// Frees what only read_events needs. Nothing is read after it.
    void end_loading() {
        lost_ = {};
        below_snapshots_.clear();
    }

  private:
    struct Statements;

    explicit JournalFile(Options options);
    result<void> open_file();
    result<void> check_kind();
    result<void> read_head();
    Position read_last_row();
    result<void> look();
    void begin_next(Position head);
    void write_next();
    std::int64_t read_sum();
    Error taken_over();
    std::string log_path() const { return options_.path + "-wal"; }
    bool move_log(int how);
    void make_tables();
    bool has_column(std::string_view table, std::string_view name);
    std::vector<std::string_view> outbox_lacks();
    void upgrade();
    void sum_snapshots();
    result<void> read_types();
    Position lost_through(std::uint64_t hash) const;
    void write_events(const JournalGroup& group);
    std::int64_t type_number(const event::Event& event);
    void write_changes(const JournalGroup& group);
    void write_promises(const JournalGroup& group);
    void forget(const JournalGroup::Forgot& forgot);
    bool bound_refuses(const JournalGroup& group);
    std::uint64_t most_pages() const;
    void bound_pages(std::uint64_t count);
    const Category* category(std::string_view name) const;
    void read_losses(JournalBase& base);
    void read_outbox(JournalBase& base);
    void read_streams(JournalBase& base, std::vector<std::string>* left_out);
    Error error_of(const SqliteError& e) const;

    Options options_;
    FileLock lock_;  // before the connection, which it outlives
    Database db_;
    FileIdentity log_file_{};
    MarkWriter mark_;
    const std::string token_;   // of this opening: its writes are told from another's by it
    JournalMeta meta_;          // as the file had it last
    JournalMeta next_;          // as the group at hand leaves it
    Position last_row_ = 0;     // when it was opened
    std::uint64_t exempt_ = 0;  // bytes beyond Options::max_bytes
    std::uint64_t settled_ = 0;
    std::uint64_t log_bytes_ = 0;
    std::vector<std::string> problems_;
    std::unique_ptr<Statements> statements_;
    std::vector<EventType> types_;                             // by number
    boost::unordered_flat_map<std::uint64_t, Position> lost_;  // by hash of a loss: while loading
    BelowSnapshots below_snapshots_;                           // likewise
    std::string json_;
    std::string ids_;
    std::size_t written_types_ = 0;
    bool summed_ = true;  // snapshots end with a sum
    int log_pages_ = 0;
    int tended_pages_ = 0;  // of them, when the log could not be moved
    bool pinned_ = false;
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

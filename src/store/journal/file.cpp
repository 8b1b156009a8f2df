#include "store/journal/file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>
#include <filesystem>

#include <spdlog/spdlog.h>

#include "base/random.hpp"
#include "store/journal/judge.hpp"
#include "store/journal/statements.hpp"

namespace stepcast::store {
namespace {

constexpr std::int64_t page_bytes = 4096;
// Pages that one pause between two groups gives back to the disk: about a millisecond.
constexpr int vacuum_step = 64;
constexpr int log_pages_kept = 1000;
// What schema 1 did not have. {}: TEMP, to read such a file as it is.
constexpr std::string_view tables_since_2 = R"(
    CREATE {0} TABLE inbox(consumer TEXT, id TEXT, expires INTEGER, answer TEXT NOT NULL DEFAULT '',
        PRIMARY KEY(consumer, id)) WITHOUT ROWID;
    CREATE INDEX {1}inbox_expires ON inbox(expires);
    CREATE {0} TABLE timers(id TEXT PRIMARY KEY, due INTEGER, kind TEXT, payload TEXT) WITHOUT ROWID;
)";
// The events of an older file with the column that they lack. A view that cannot be written at all would not
// let the statements that write be prepared.
constexpr const char* events_until_3 = R"(
    CREATE TEMP VIEW events AS SELECT *, NULL AS metadata FROM main.events;
    CREATE TEMP TRIGGER no_insert INSTEAD OF INSERT ON events BEGIN SELECT raise(FAIL, 'opened to be read'); END;
    CREATE TEMP TRIGGER no_delete INSTEAD OF DELETE ON events BEGIN SELECT raise(FAIL, 'opened to be read'); END;
)";
// Losses stand in the order in which they happened: one is added at the end and forgotten at the front.
constexpr const char* losses_table = R"(
    CREATE TABLE losses(number INTEGER PRIMARY KEY, category TEXT NOT NULL, of_subject INTEGER NOT NULL,
        name TEXT NOT NULL, through INTEGER NOT NULL, at INTEGER NOT NULL);
)";
constexpr std::string_view kept_table = R"(
    CREATE {} TABLE snapshots_kept(category TEXT, stream TEXT, version INTEGER, position INTEGER, schema INTEGER,
        state BLOB, PRIMARY KEY(category, stream, version)) WITHOUT ROWID;
)";
// What schema 3 had, as they are today: those of subjects had no category, and count for each.
constexpr std::string_view losses_of_3 =
    "SELECT row_number() OVER (ORDER BY at), category, category='', name, through, at FROM {}";

}  // namespace

std::string own_name(const std::string& path) {
    std::error_code error;
    std::filesystem::path name = std::filesystem::absolute(path, error);
    for (int links = 0; links < 40 && std::filesystem::is_symlink(name, error); ++links)
        name = name.parent_path() / std::filesystem::read_symlink(name, error);
    const auto whole = std::filesystem::weakly_canonical(name, error);
    return error ? path : whole.string();
}

JournalFile::JournalFile(Options options)
    : options_{std::move(options)}, mark_{options_.path}, token_{random_token(12)} {}
JournalFile::~JournalFile() = default;

namespace {

Error missing_but_marked(const std::string& path, const Mark& mark) {
    return because(journal_errc::damaged,
                   fmt::format("{0} is not there, but {0}-mark says that it held what was acknowledged up to "
                               "position {1}: bring it or a backup back, or remove {0}-mark to begin anew",
                               path, mark.position));
}

// What is no mark of this journal is dropped before anything is written that it could be held against.
void drop_other_mark(const std::string& path, const std::optional<Mark>& mark, bool garbled) {
    if (garbled)
        spdlog::warn("{} is not what was written: it is dropped, and nothing is held against it",
                     Mark::path_of(path));
    else if (mark)
        spdlog::info("{} is of another history than {}: it is dropped", Mark::path_of(path), path);
    else
        return;
    std::error_code error;
    std::filesystem::remove(Mark::path_of(path), error);
}

}  // namespace

result<std::unique_ptr<JournalFile>> JournalFile::open(Options options) {
    options.path = own_name(options.path);
    const std::string path = options.path;
    const auto folder = std::filesystem::path{path}.parent_path();
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error))
        return tl::unexpected{
            because(journal_errc::unusable, fmt::format("{}: there is no folder {}", path, folder.string()))};
    bool garbled = false;
    const auto mark = Mark::read(path, &garbled);
    if (mark && !std::filesystem::exists(path, error)) return tl::unexpected{missing_but_marked(path, *mark)};
    std::unique_ptr<JournalFile> file{new JournalFile{std::move(options)}};
    auto lock = FileLock::take(path, !file->options_.must_exist);
    if (!lock) return tl::unexpected{lock.error()};
    file->lock_ = std::move(*lock);
    try {
        if (std::filesystem::hard_link_count(path, error) > 1 && !error)
            return tl::unexpected{because(
                journal_errc::unusable,
                path + " has a second name (a hard link), under which its log would not be found: give that "
                       "one a copy of its own by `stepcast journal backup`")};
        if (auto fine = judge_journal(path, mark); !fine) return tl::unexpected{fine.error()};
        if (auto opened = file->open_file(); !opened) return tl::unexpected{opened.error()};
        if (mark && mark->epoch == file->epoch())
            file->settled_ = std::max(file->settled_, mark->settled);
        else
            drop_other_mark(path, mark, garbled);
    } catch (const SqliteError& e) {
        return tl::unexpected{error_at_open(e, path)};
    }
    return file;
}

result<std::unique_ptr<JournalFile>> JournalFile::open_to_read(Options options) {
    options.path = own_name(options.path);
    const std::string path = options.path;
    const auto mark = Mark::read(path);
    std::unique_ptr<JournalFile> file{new JournalFile{std::move(options)}};
    try {
        if (auto fine = judge_journal(path, mark); !fine) {
            if (!file->options_.salvage || fine.error().code != journal_errc::damaged)
                return tl::unexpected{fine.error()};
            file->problems_.push_back(fine.error().detail);
        }
        file->db_ = Database{path, Database::Mode::read};
        file->db_.run("PRAGMA writable_schema=ON");  // or a file that was cut short is refused as a whole
        if (auto checked = file->check_kind(); !checked) return tl::unexpected{checked.error()};
        file->db_.run("BEGIN");  // one view of it, whatever is written meanwhile
        if (file->db_.number("PRAGMA user_version") < 2)
            file->db_.run(fmt::format(tables_since_2, "TEMP", "temp."));
        else if (!file->has_column("inbox", "answer"))
            file->db_.run("CREATE TEMP TABLE inbox AS SELECT *, '' AS answer FROM main.inbox");
        if (!file->has_column("events", "metadata")) file->db_.run(events_until_3);
        if (const auto lacks = file->outbox_lacks(); !lacks.empty())
            file->db_.run(fmt::format("CREATE TEMP TABLE outbox AS SELECT *, NULL AS {} FROM main.outbox",
                                      fmt::join(lacks, ", NULL AS ")));
        if (!file->has_column("losses", "number"))
            file->db_.run(
                "CREATE TEMP TABLE losses(number INTEGER, category, of_subject, name, through, at);"
                "INSERT INTO temp.losses " +
                fmt::format(losses_of_3, "main.losses"));
        if (!file->has_column("snapshots_kept", "state")) file->db_.run(fmt::format(kept_table, "TEMP"));
        if (auto read = file->read_head(); !read) return tl::unexpected{read.error()};
        // No event of what is to be kept may be left behind, nor its position given again.
        if (!file->problems_.empty())
            file->meta_.head =
                std::max({file->meta_.head, mark ? mark->position : 0,
                          static_cast<Position>(file->db_.number("SELECT max(position) FROM events"))});
    } catch (const SqliteError& e) {
        return tl::unexpected{error_at_open(e, path)};
    }
    return file;
}

result<void> JournalFile::check_kind() {
    const auto tables = db_.number("SELECT count(*) FROM sqlite_master");
    const auto ours = db_.number("PRAGMA application_id") == application;
    if (tables != 0 && !ours)
        return tl::unexpected{because(journal_errc::unusable,
                                      options_.path + " is a database of something else: name another file")};
    const auto found = db_.number("PRAGMA user_version");
    if (found > schema)
        return tl::unexpected{because(
            journal_errc::unusable,
            fmt::format(
                "{} was written by a newer Stepcast (schema {}, this one knows {}): start that version, or "
                "let it `export` and `import` here",
                options_.path, found, schema))};
    summed_ = tables == 0 || found >= 3;
    if (tables == 0 && (options_.must_exist || db_.read_only()))
        return tl::unexpected{
            because(journal_errc::unusable, options_.path + " is empty: it holds no journal")};
    return {};
}

result<void> JournalFile::open_file() {
    db_ = Database{options_.path, options_.must_exist ? Database::Mode::write : Database::Mode::create};
    if (db_.read_only()) throw SqliteError{SQLITE_READONLY, "read-only"};
    if (auto checked = check_kind(); !checked) return checked;
    const bool empty = db_.number("SELECT count(*) FROM sqlite_master") == 0;
    if (empty) db_.run("PRAGMA auto_vacuum=INCREMENTAL");
    db_.run(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
        "PRAGMA journal_size_limit=16777216; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY");
    const bool upgrades = !empty && (db_.number("PRAGMA user_version") < schema || !outbox_lacks().empty());
    if (empty) make_tables();
    if (upgrades) upgrade();
    if (options_.max_bytes != 0) bound_pages(most_pages());
    sqlite3_wal_hook(
        db_.get(),
        [](void* pages, sqlite3*, const char*, int count) {
            *static_cast<int*>(pages) = count;
            return SQLITE_OK;
        },
        &log_pages_);
    if (auto read = read_head(); !read) return read;
    if (last_row_ > meta_.head)
        spdlog::warn("{} holds events up to position {} and says {}: it goes on behind the last one",
                     options_.path, last_row_, meta_.head);
    // With the history's name in the file itself, a log of another file can be told from its own.
    if (empty || upgrades) settle();
    const auto log = FileIdentity::of(log_path());
    if (!log)
        return tl::unexpected{because(
            journal_errc::unusable,
            options_.path + ": its file system does not carry SQLite's log: name a file on a local one")};
    log_file_ = *log;
    if (log->size == 0) settled_ = meta_.group;
    return {};
}

result<void> JournalFile::read_head() {
    statements_ = std::make_unique<Statements>(db_);
    bool as_written = true;
    meta_ = JournalMeta::read(db_, as_written);
    if (!as_written && !options_.salvage)
        throw SqliteError{SQLITE_CORRUPT, "its head is not what was written"};
    if (auto read = read_types(); !read) return read;
    last_row_ = read_last_row();
    return {};
}

void JournalFile::make_tables() {
    Transaction transaction{db_};
    db_.run(R"(
        CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE types(number INTEGER PRIMARY KEY, category TEXT NOT NULL, name TEXT NOT NULL,
            schema INTEGER NOT NULL, lifecycle INTEGER NOT NULL);
        CREATE TABLE events(position INTEGER PRIMARY KEY, type INTEGER NOT NULL, version INTEGER NOT NULL,
            recorded_at INTEGER NOT NULL, fingerprint INTEGER NOT NULL, ids BLOB NOT NULL, data TEXT NOT NULL,
            sum INTEGER NOT NULL, metadata TEXT);
        CREATE TABLE snapshots(category TEXT, stream TEXT, version INTEGER, schema INTEGER, state BLOB,
            subject TEXT, first_version INTEGER, last_position INTEGER, last_recorded INTEGER, life INTEGER, mixed INTEGER,
            PRIMARY KEY(category, stream)) WITHOUT ROWID;
        CREATE TABLE sources(consumer TEXT, topic TEXT, partition INTEGER, "offset" INTEGER,
            PRIMARY KEY(consumer, topic, partition)) WITHOUT ROWID;
        CREATE TABLE outbox(number INTEGER PRIMARY KEY, id TEXT, topic TEXT, key TEXT, value TEXT,
            headers BLOB, committed_at INTEGER, processed_at INTEGER);
    )");
    db_.run(fmt::format(tables_since_2, "", ""));
    db_.run(losses_table);
    db_.run(fmt::format(kept_table, ""));
    JournalMeta{.epoch = random_token(8)}.write(db_);
    db_.run(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", application, schema));
    transaction.commit();
}

bool JournalFile::has_column(std::string_view table, std::string_view name) {
    return db_.number(
               fmt::format("SELECT count(*) FROM pragma_table_info('{}') WHERE name='{}'", table, name)) != 0;
}

std::vector<std::string_view> JournalFile::outbox_lacks() {
    std::vector<std::string_view> columns{"headers", "committed_at", "processed_at"};
    std::erase_if(columns, [this](std::string_view name) { return has_column("outbox", name); });
    return columns;
}

void JournalFile::upgrade() {
    Transaction transaction{db_};
    if (db_.number("PRAGMA user_version") < 2) db_.run(fmt::format(tables_since_2, "", ""));
    if (!has_column("events", "metadata")) db_.run("ALTER TABLE events ADD COLUMN metadata TEXT");
    if (!has_column("inbox", "answer"))
        db_.run("ALTER TABLE inbox ADD COLUMN answer TEXT NOT NULL DEFAULT ''");
    for (const auto column : outbox_lacks())
        db_.run(fmt::format("ALTER TABLE outbox ADD COLUMN {} {}", column,
                            column == "headers" ? "BLOB" : "INTEGER"));
    if (!has_column("losses", "number"))
        db_.run(fmt::format(
            "ALTER TABLE losses RENAME TO losses_3; {} INSERT INTO losses {}; DROP TABLE losses_3",
            losses_table, fmt::format(losses_of_3, "losses_3")));
    if (!has_column("snapshots_kept", "state")) db_.run(fmt::format(kept_table, ""));
    if (!summed_) sum_snapshots();
    bool as_written = true;
    JournalMeta::read(db_, as_written).write(db_);
    db_.run(fmt::format("PRAGMA user_version={}", schema));
    transaction.commit();
    lock_.make_private();  // older versions left it open to all
}

result<void> JournalFile::read_types() {
    auto types = read_event_types(db_, options_.categories, options_.path);
    if (!types) return tl::unexpected{std::move(types.error())};
    types_ = std::move(*types);
    written_types_ = types_.size();
    return {};
}

const Category* JournalFile::category(std::string_view name) const {
    for (const auto* one : options_.categories)
        if (one->name == name) return one;
    return nullptr;
}

Error JournalFile::error_of(const SqliteError& e) const {
    return store::error_of(e, options_.path);
}

result<std::unique_ptr<JournalReader>> JournalFile::reader() const {
    return JournalReader::open(options_.path, options_.categories, meta_.epoch);
}

std::uint64_t JournalFile::most_pages() const {
    return std::max<std::uint64_t>((options_.max_bytes + exempt_) / page_bytes, 64);
}

void JournalFile::bound_pages(std::uint64_t count) {
    db_.run(fmt::format("PRAGMA max_page_count={}", count));
}

JournalFile::Size JournalFile::size() {
    const auto pages = db_.number("PRAGMA page_count");
    const auto free = db_.number("PRAGMA freelist_count");
    if (log_pages_ < tended_pages_) tended_pages_ = 0;  // the log was begun anew
    return {.used = static_cast<std::uint64_t>((pages - free) * page_bytes),
            .whole = static_cast<std::uint64_t>(pages * page_bytes),
            .log = log_bytes_,
            .pinned = pinned_,
            .log_pages = log_pages_ - tended_pages_,
            .shrinks = shrinks_};
}

// A file that is a quarter empty is made shorter.
bool JournalFile::Size::untidy() const {
    const auto kept = std::max<std::uint64_t>(whole / 4, vacuum_step * page_bytes);
    return log_pages >= log_pages_kept || (shrinks && whole - used > kept);
}

std::optional<JournalFile::Size> JournalFile::tend() {
    try {
        if (log_pages_ - tended_pages_ >= log_pages_kept) {
            move_log(SQLITE_CHECKPOINT_PASSIVE);
        } else {
            const auto before = size().whole;
            db_.run(fmt::format("PRAGMA incremental_vacuum({})", vacuum_step));
            if (options_.max_bytes != 0) bound_pages(most_pages());  // which it may have been above
            shrinks_ = size().whole < before;
        }
        return size();
    } catch (const SqliteError&) {
        return std::nullopt;  // what matters fails in `write`, too
    }
}

std::vector<std::string> JournalFile::integrity(std::size_t limit) {
    std::vector<std::string> lines;
    auto rows = db_.prepare(fmt::format("PRAGMA integrity_check({})", limit));
    while (rows.step())
        if (rows.text(0) != "ok") lines.emplace_back(rows.text(0));
    return lines;
}

void JournalFile::compact() {
    db_.run("VACUUM");
    settle();
}

void JournalFile::settle() {
    move_log(SQLITE_CHECKPOINT_TRUNCATE);
}

// What a reader still needs of the log stays, and is looked at again once as much was added.
bool JournalFile::move_log(int how) {
    int in_log = 0, moved = 0;
    const int code = sqlite3_wal_checkpoint_v2(db_.get(), nullptr, how, &in_log, &moved);
    pinned_ = moved < in_log;
    tended_pages_ = pinned_ ? log_pages_ : 0;
    if (!pinned_) log_pages_ = 0;
    const bool all = code == SQLITE_OK && !pinned_;
    if (all) settled_ = meta_.group;
    return all;
}

}  // namespace stepcast::store

#include "store/journal_file.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <filesystem>

#include "base/random.hpp"
#include "store/journal_statements.hpp"

namespace stepcast::store {
namespace {

constexpr std::int64_t application = 0x53746570;  // "Step"
constexpr std::int64_t page_size = 4096;
// Pages that one pause between two groups gives back to the disk: about a millisecond.
constexpr int vacuum_step = 64;
constexpr int log_pages_kept = 1000;
// What schema 1 did not have. {}: TEMP, to read such a file as it is.
constexpr std::string_view tables_since_2 = R"(
    CREATE {0} TABLE inbox(consumer TEXT, id TEXT, expires INTEGER, PRIMARY KEY(consumer, id)) WITHOUT ROWID;
    CREATE INDEX {1}inbox_expires ON inbox(expires);
    CREATE {0} TABLE timers(id TEXT PRIMARY KEY, due INTEGER, kind TEXT, payload TEXT) WITHOUT ROWID;
)";

class JournalCategory final : public std::error_category {
  public:
    const char* name() const noexcept override { return "journal"; }
    std::string message(int code) const override {
        switch (static_cast<journal_errc>(code)) {
            case journal_errc::unusable:
                return "the journal cannot be used";
            case journal_errc::in_use:
                return "the journal is in use";
            case journal_errc::damaged:
                return "the journal is damaged";
            case journal_errc::full:
                return "the journal is full";
            case journal_errc::failing:
                return "the journal cannot be written";
        }
        return "unknown journal error";
    }
};

Error because(journal_errc code, std::string detail) {
    return {code, {}, std::move(detail)};
}

Error error_at_open(const SqliteError& e, const std::string& path) {
    switch (e.primary()) {
        case SQLITE_NOTADB:
            return because(journal_errc::unusable,
                           path +
                               " is no journal, or its first page is damaged: name another file, or put a "
                               "backup in its place");
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return because(journal_errc::in_use,
                           path +
                               " is locked by another process: end that one first (a database shell, a copy "
                               "in progress)");
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return because(journal_errc::unusable,
                           path + " cannot be written: look at its owner and permissions, and its folder's");
        case SQLITE_CORRUPT:
            return because(journal_errc::damaged,
                           fmt::format("{0} is damaged ({1}): see `stepcast journal check {0}`, then put a "
                                       "backup in its place or run `stepcast journal repair {0}`",
                                       path, e.what()));
        case SQLITE_CANTOPEN:
            if (std::error_code error; !std::filesystem::exists(path, error))
                return because(journal_errc::unusable, path + ": there is no such file");
            return because(journal_errc::unusable, fmt::format("{} cannot be opened: {}", path, e.what()));
        case SQLITE_FULL:
            return because(journal_errc::failing, path + ": no room is left for it on the disk");
        default:
            return because(journal_errc::unusable, fmt::format("{} cannot be opened: {}", path, e.what()));
    }
}

}  // namespace

std::error_code make_error_code(journal_errc e) {
    static const JournalCategory category;
    return {static_cast<int>(e), category};
}

std::string own_name(const std::string& path) {
    std::error_code error;
    std::filesystem::path name = path;
    for (int links = 0; links < 40 && std::filesystem::is_symlink(name, error); ++links)
        name = name.parent_path() / std::filesystem::read_symlink(name, error);
    const auto whole = std::filesystem::weakly_canonical(name, error);
    return error ? path : whole.string();
}

JournalFile::JournalFile(Options options) : options_{std::move(options)} {}
JournalFile::~JournalFile() = default;

result<std::unique_ptr<JournalFile>> JournalFile::open(Options options) {
    options.path = own_name(options.path);
    const std::string path = options.path;
    const auto folder = std::filesystem::absolute(path).parent_path();
    if (std::error_code error; !std::filesystem::is_directory(folder, error))
        return tl::unexpected{
            because(journal_errc::unusable, fmt::format("{}: there is no folder {}", path, folder.string()))};
    std::unique_ptr<JournalFile> file{new JournalFile{std::move(options)}};
    try {
        file->lock_ = FileLock::take(path + "-lock");
        if (!file->lock_)
            return tl::unexpected{
                because(journal_errc::in_use,
                        path + " is in use by another Stepcast: one journal serves one process")};
        if (std::error_code error; std::filesystem::hard_link_count(path, error) > 1 && !error)
            return tl::unexpected{because(
                journal_errc::unusable,
                path + " has a second name (a hard link), under which another Stepcast could write to "
                       "it: give that one a copy of its own by `stepcast journal backup`")};
        if (auto opened = file->open_file(); !opened) return tl::unexpected{opened.error()};
    } catch (const SqliteError& e) {
        return tl::unexpected{error_at_open(e, path)};
    }
    return file;
}

result<std::unique_ptr<JournalFile>> JournalFile::open_to_read(Options options) {
    const std::string path = options.path;
    std::unique_ptr<JournalFile> file{new JournalFile{std::move(options)}};
    try {
        file->db_ = Database{path, Database::Mode::read};
        file->db_.run("PRAGMA writable_schema=ON");  // or a file that was cut short is refused as a whole
        if (auto checked = file->check_kind(); !checked) return tl::unexpected{checked.error()};
        file->db_.run("BEGIN");  // one view of it, whatever is written meanwhile
        if (file->db_.number("PRAGMA user_version") < 2)
            file->db_.run(fmt::format(tables_since_2, "TEMP", "temp."));
        if (auto read = file->read_head(); !read) return tl::unexpected{read.error()};
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
    if (empty)
        make_tables();
    else if (db_.number("PRAGMA user_version") < schema)
        upgrade();
    if (options_.max_bytes != 0) bound_pages(most_pages());
    sqlite3_wal_hook(
        db_.get(),
        [](void* pages, sqlite3*, const char*, int count) {
            *static_cast<int*>(pages) = count;
            return SQLITE_OK;
        },
        &log_pages_);
    return read_head();
}

result<void> JournalFile::read_head() {
    statements_ = std::make_unique<Statements>(db_);
    auto epoch = db_.prepare("SELECT value FROM meta WHERE name='epoch'");
    if (epoch.step()) epoch_ = epoch.text(0);
    epoch.reset();
    head_ = static_cast<Position>(meta_number("head"));
    if (epoch_.empty() || epoch_.size() > 16) throw SqliteError{SQLITE_CORRUPT, "it has no epoch"};
    return read_types();
}

void JournalFile::make_tables() {
    Transaction transaction{db_};
    db_.run(R"(
        CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE types(number INTEGER PRIMARY KEY, category TEXT NOT NULL, name TEXT NOT NULL,
            schema INTEGER NOT NULL, lifecycle INTEGER NOT NULL);
        CREATE TABLE events(position INTEGER PRIMARY KEY, type INTEGER NOT NULL, version INTEGER NOT NULL,
            recorded_at INTEGER NOT NULL, fingerprint INTEGER NOT NULL, ids BLOB NOT NULL, data TEXT NOT NULL,
            sum INTEGER NOT NULL);
        CREATE TABLE snapshots(category TEXT, stream TEXT, version INTEGER, schema INTEGER, state BLOB,
            subject TEXT, first_version INTEGER, last_position INTEGER, last_recorded INTEGER, life INTEGER, mixed INTEGER,
            PRIMARY KEY(category, stream)) WITHOUT ROWID;
        CREATE TABLE losses(category TEXT, name TEXT, through INTEGER, at INTEGER,
            PRIMARY KEY(category, name)) WITHOUT ROWID;
        CREATE INDEX losses_at ON losses(at);
        CREATE TABLE sources(consumer TEXT, topic TEXT, partition INTEGER, "offset" INTEGER,
            PRIMARY KEY(consumer, topic, partition)) WITHOUT ROWID;
        CREATE TABLE outbox(number INTEGER PRIMARY KEY, id TEXT, topic TEXT, key TEXT, value TEXT);
    )");
    db_.run(fmt::format(tables_since_2, "", ""));
    db_.run(
        fmt::format("INSERT INTO meta VALUES('epoch','{}'),('head',0),('floor',0);"
                    "PRAGMA application_id={}; PRAGMA user_version={}",
                    random_token(8), application, schema));
    transaction.commit();
}

void JournalFile::upgrade() {
    Transaction transaction{db_};
    if (db_.number("PRAGMA user_version") < 2) db_.run(fmt::format(tables_since_2, "", ""));
    if (!summed_) sum_snapshots();
    db_.run(fmt::format("PRAGMA user_version={}", schema));
    transaction.commit();
}

result<void> JournalFile::read_types() {
    auto rows = db_.prepare("SELECT number, category, name, schema, lifecycle FROM types ORDER BY number");
    while (rows.step()) {
        const auto* found = category(rows.text(1));
        const auto name = std::string{rows.text(2)};
        const auto type = found == nullptr ? 0 : std::ranges::find(found->types, name) - found->types.begin();
        if (found == nullptr || type == static_cast<std::ptrdiff_t>(found->types.size()))
            return tl::unexpected{
                because(journal_errc::unusable,
                        fmt::format("{} holds events of a kind that this version does not know "
                                    "({} of {})",
                                    options_.path, name, rows.text(1)))};
        const auto number = static_cast<std::size_t>(rows.number(0));
        if (number > 4096) throw SqliteError{SQLITE_CORRUPT, "a type has an impossible number"};
        types_.resize(std::max(types_.size(), number + 1));
        types_[number] = {found, static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(rows.number(3)),
                          static_cast<event::Lifecycle>(rows.number(4))};
    }
    written_types_ = types_.size();
    return {};
}

const Category* JournalFile::category(std::string_view name) const {
    for (const auto* one : options_.categories)
        if (one->name == name) return one;
    return nullptr;
}

Error JournalFile::error_of(const SqliteError& e) const {
    const int code = e.primary();
    if (code == SQLITE_FULL)
        return because(journal_errc::failing, options_.path + ": no room is left for it on the disk");
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return because(
            journal_errc::damaged,
            fmt::format("{0} is damaged ({1}): see `stepcast journal check {0}`", options_.path, e.what()));
    return because(journal_errc::failing, fmt::format("{}: {}", options_.path, e.what()));
}

std::uint64_t JournalFile::most_pages() const {
    return std::max<std::uint64_t>(options_.max_bytes / page_size, 64);
}

void JournalFile::bound_pages(std::uint64_t count) {
    db_.run(fmt::format("PRAGMA max_page_count={}", count));
}

std::int64_t JournalFile::meta_number(std::string_view name) {
    auto& statement = statements_->get_meta;
    statement.bind(1, name);
    const auto value = statement.step() ? statement.number(0) : 0;
    statement.reset();
    return value;
}

void JournalFile::set_meta(std::string_view name, std::int64_t value) {
    statements_->set_meta.bind(1, name).bind(2, value).run();
}

JournalFile::Size JournalFile::size() {
    const auto pages = db_.number("PRAGMA page_count");
    const auto free = db_.number("PRAGMA freelist_count");
    return {static_cast<std::uint64_t>((pages - free) * page_size),
            static_cast<std::uint64_t>(pages * page_size), log_pages_, shrinks_};
}

// A file that is a quarter empty is made shorter.
bool JournalFile::Size::untidy() const {
    const auto kept = std::max<std::uint64_t>(whole / 4, vacuum_step * page_size);
    return log_pages >= log_pages_kept || (shrinks && whole - used > kept);
}

std::optional<JournalFile::Size> JournalFile::tend() {
    try {
        if (log_pages_ >= log_pages_kept) {
            db_.run("PRAGMA wal_checkpoint(PASSIVE)");
            log_pages_ = 0;
        } else {
            const auto before = size().whole;
            db_.run(fmt::format("PRAGMA incremental_vacuum({})", vacuum_step));
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
    sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    log_pages_ = 0;
}

}  // namespace stepcast::store

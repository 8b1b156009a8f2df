#include "store/journal/sqlite.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cctype>
#include <cerrno>
#include <cstring>

namespace stepcast::store {
namespace {

// SQLite keeps the system's reason only for what fails while a file is opened; `errno` was 0 before the call.
[[noreturn]] void refuse(sqlite3* db, int code) {
    const int last = (code & 0xFF) == SQLITE_IOERR ? errno : 0;
    if (db == nullptr) throw SqliteError{code, sqlite3_errstr(code)};
    std::string text = sqlite3_errmsg(db);
    // "disk I/O error" alone helps nobody: the system says why.
    const int kept = sqlite3_system_errno(db);
    if (const int system = kept != 0 ? kept : last; system != 0 && (code & 0xFF) != SQLITE_CONSTRAINT)
        text.append(" (").append(std::strerror(system)).append(")");
    throw SqliteError{sqlite3_extended_errcode(db), text};
}

void check(sqlite3* db, int code) {
    if (code != SQLITE_OK) refuse(db, code);
}

}  // namespace

Statement::Statement(sqlite3* db, std::string_view sql) {
    sqlite3_stmt* made = nullptr;
    check(db, sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                 &made, nullptr));
    statement_.reset(made);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

Statement& Statement::bind(int parameter, std::int64_t value) {
    auto* s = statement_.get();
    check(sqlite3_db_handle(s), sqlite3_bind_int64(s, parameter, value));
    return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
    auto* s = statement_.get();
    check(sqlite3_db_handle(s), sqlite3_bind_text64(s, parameter, text.data() == nullptr ? "" : text.data(),
                                                    text.size(), SQLITE_STATIC, SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind_blob(int parameter, std::string_view bytes) {
    auto* s = statement_.get();
    check(sqlite3_db_handle(s), sqlite3_bind_blob64(s, parameter, bytes.data(), bytes.size(), SQLITE_STATIC));
    return *this;
}

bool Statement::step() {
    errno = 0;
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    sqlite3* db = sqlite3_db_handle(statement_.get());
    if (code == SQLITE_DONE) {
        sqlite3_reset(statement_.get());
        return false;
    }
    try {
        refuse(db, code);
    } catch (...) {
        reset();
        throw;
    }
}

void Statement::reset() noexcept {
    sqlite3_reset(statement_.get());
}

std::int64_t Statement::number(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return bytes == nullptr ? std::string_view{} : std::string_view{bytes, static_cast<std::size_t>(size)};
}

std::string plain_name(const std::string& path) {
    return path.starts_with('/') ? path : "./" + path;
}

namespace {

std::string uri_without_log(const std::string& path) {
    std::string uri = "file:";
    for (const char c : plain_name(path)) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/')
            uri += c;
        else
            uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
    return uri + "?immutable=1";
}

}  // namespace

Database::Database(const std::string& path, Mode mode) {
    const bool alone = mode == Mode::read_without_log;
    const int flags = alone                 ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
                      : mode == Mode::read  ? SQLITE_OPEN_READONLY
                      : mode == Mode::write ? SQLITE_OPEN_READWRITE
                                            : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3* made = nullptr;
    const auto name = alone ? uri_without_log(path) : plain_name(path);
    const int code = sqlite3_open_v2(name.c_str(), &made, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    db_.reset(made);
    check(made, code);
    sqlite3_extended_result_codes(made, 1);
    sqlite3_busy_timeout(made, 500);
}

void Database::Close::operator()(sqlite3* db) const {
    sqlite3_close_v2(db);
}

void Database::run(const std::string& sql) {
    errno = 0;
    check(db_.get(), sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr));
}

std::int64_t Database::number(const std::string& sql) {
    auto statement = prepare(sql);
    return statement.step() ? statement.number(0) : 0;
}

bool Database::in_transaction() const {
    return sqlite3_get_autocommit(db_.get()) == 0;
}

bool Database::read_only() const {
    return sqlite3_db_readonly(db_.get(), "main") == 1;
}

Transaction::~Transaction() {
    if (db_.in_transaction()) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace stepcast::store

#pragma once
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace stepcast::store {

/// What SQLite refused. `code` is its extended result code.
class SqliteError : public std::runtime_error {
  public:
    SqliteError(int code, const std::string& text) : std::runtime_error{text}, code_{code} {}
    int code() const { return code_; }
    int primary() const { return code_ & 0xFF; }

  private:
    int code_;
};

/// One prepared statement. Bound text must live until the statement has run. Throws SqliteError.
class Statement {
  public:
    Statement() = default;
    Statement(sqlite3* db, std::string_view sql);

    /// Parameters are numbered from 1.
    Statement& bind(int parameter, std::int64_t value);
    Statement& bind(int parameter, std::string_view text);
    Statement& bind_blob(int parameter, std::string_view bytes);

    /// True if there is a row. After the last one the statement is ready to run again.
    bool step();
    /// Runs to the end.
    void run() {
        while (step()) {
        }
    }
    void reset() noexcept;

    /// Columns of the row at hand, numbered from 0. Views hold until the next step.
    std::int64_t number(int column) const;
    std::string_view text(int column) const;

  private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// A path that SQLite takes for the name of a file and for nothing else: `:memory:` and `file:…` are its own
/// words.
std::string plain_name(const std::string& path);

/// One connection, used by one thread at a time. Throws SqliteError.
class Database {
  public:
    /// `read_without_log`: what stands in the file itself, whatever lies beside it. Nobody may write to it
    /// meanwhile.
    enum class Mode { read, write, create, read_without_log };

    Database() = default;
    Database(const std::string& path, Mode mode);

    void run(const std::string& sql);
    /// The number in the first row's first column; 0 if there is no row.
    std::int64_t number(const std::string& sql);
    Statement prepare(std::string_view sql) { return {db_.get(), sql}; }
    bool in_transaction() const;
    bool read_only() const;
    sqlite3* get() const { return db_.get(); }

  private:
    struct Close {
        void operator()(sqlite3* db) const;
    };
    std::unique_ptr<sqlite3, Close> db_;
};

/// Rolls back what was not committed.
class Transaction {
  public:
    /// `begin`: how it begins; DEFERRED for one that only reads.
    explicit Transaction(Database& db, const char* begin = "BEGIN IMMEDIATE") : db_{db} { db.run(begin); }
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit() { db_.run("COMMIT"); }

  private:
    Database& db_;
};

}  // namespace stepcast::store

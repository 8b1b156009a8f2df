// How a group becomes what may be acknowledged.
#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>

#include "store/journal/statements.hpp"

namespace stepcast::store {
namespace {

constexpr std::uint64_t unbounded_pages = 0x3fffffff;

std::uint64_t microseconds_now() {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(
        duration_cast<microseconds>(system_clock::now().time_since_epoch()).count());
}

/// While it lives, deleted rows are overwritten with zeros.
class Overwrites {
  public:
    Overwrites(Database& db, bool on) : db_{on ? &db : nullptr} {
        if (db_ != nullptr) db_->run("PRAGMA secure_delete=ON");
    }
    ~Overwrites() {
        if (db_ != nullptr) sqlite3_exec(db_->get(), "PRAGMA secure_delete=OFF", nullptr, nullptr, nullptr);
    }
    Overwrites(const Overwrites&) = delete;
    Overwrites& operator=(const Overwrites&) = delete;

  private:
    Database* db_;
};

}  // namespace

result<JournalFile::Size> JournalFile::write(const JournalGroup& group, Position head) {
    try {
        if (auto there = look(); !there) return tl::unexpected{there.error()};
        if (group.empty() && head == meta_.head) {
            if (!doubtful_ && read_sum() != meta_.sum()) return tl::unexpected{taken_over()};
            return size();
        }
        if (options_.max_bytes != 0 && group.exempt != exempt_) {
            exempt_ = group.exempt;
            bound_pages(most_pages());
        }
        {
            const Overwrites overwrites{db_, group.erases};
            Transaction transaction{db_};
            const auto found = read_sum();
            // A commit that was reported as an error may have come through all the same.
            const bool written = doubtful_ && found == next_.sum();
            if (!written && found != meta_.sum()) return tl::unexpected{taken_over()};
            // Anew for each attempt: what the bound refused takes along what came since, and ends behind it.
            if (!written) begin_next(head);
            doubtful_ = true;
            if (written) {  // and its types with it
                if (auto types = read_types(); !types) return tl::unexpected{types.error()};
            } else {
                write_changes(group);
                write_events(group);
                write_next();
                transaction.commit();
            }
        }
        // Once more: what has lost its name meanwhile would be found by nobody.
        if (auto there = look(); !there) return tl::unexpected{there.error()};
        if (auto marked = mark_.write({next_.epoch, next_.head, next_.group, settled_}); !marked)
            return tl::unexpected{marked.error()};
        meta_ = next_;
        doubtful_ = false;
        written_types_ = types_.size();
        return size();
    } catch (const SqliteError& e) {
        types_.resize(written_types_);
        if (e.primary() == SQLITE_FULL && bound_refuses(group))
            return fail(journal_errc::full, {}, options_.path + " is at its bound (store.journal_max_bytes)");
        return tl::unexpected{error_of(e)};
    }
}

// SQLite says the same of our bound and of a full disk, but only for the bound may anything of ours go. So
// the group is tried without a bound, for nothing.
bool JournalFile::bound_refuses(const JournalGroup& group) {
    if (options_.max_bytes == 0) return false;
    bool refuses = false;
    try {
        bound_pages(unbounded_pages);
        const Transaction attempt{db_};
        write_changes(group);
        write_events(group);
        refuses = static_cast<std::uint64_t>(db_.number("PRAGMA page_count")) > most_pages();
    } catch (const SqliteError&) {  // the disk, too
    }
    types_.resize(written_types_);
    bound_pages(most_pages());
    return refuses;
}

// The files must be those that were opened: what is written to one without a name nobody finds again.
result<void> JournalFile::look() {
    const auto gone = [](const std::string& name, const auto& now) {
        return because(journal_errc::failing,
                       fmt::format("{} was {} while it was open: nothing is acknowledged until it is back",
                                   name, now ? "replaced by another file" : "moved or deleted"));
    };
    const auto file = FileIdentity::of(options_.path), log = FileIdentity::of(log_path());
    if (file != lock_.file()) return tl::unexpected{gone(options_.path, file)};
    if (log != log_file_) return tl::unexpected{gone(log_path(), log)};
    log_bytes_ = log->size;
    return {};
}

void JournalFile::begin_next(Position head) {
    next_ = meta_;
    next_.head = head;
    next_.group = std::max(meta_.group + 1, microseconds_now());
    next_.owner = token_;
}

void JournalFile::write_next() {
    auto& set = statements_->set_meta;
    if (next_.owner != meta_.owner) set.bind(1, "owner").bind(2, next_.owner).run();
    if (next_.floor != meta_.floor)
        set.bind(1, "floor").bind(2, static_cast<std::int64_t>(next_.floor)).run();
    if (next_.head != meta_.head) set.bind(1, "head").bind(2, static_cast<std::int64_t>(next_.head)).run();
    set.bind(1, "group").bind(2, static_cast<std::int64_t>(next_.group)).run();
    set.bind(1, "sum").bind(2, next_.sum()).run();
}

std::int64_t JournalFile::read_sum() {
    auto& row = statements_->get_sum;
    const auto sum = row.step() ? row.number(0) : 0;
    row.reset();
    return sum;
}

// Only a process that got past the lock: over a network file system, or one older than it.
Error JournalFile::taken_over() {
    bool as_written = true;
    const auto found = JournalMeta::read(db_, as_written);
    return because(
        journal_errc::taken_over,
        fmt::format("{} was written by another process (its owner is {}, position {}; this process "
                    "is {}, position {}): one journal serves one process, so this one ends",
                    options_.path, found.owner, found.head, token_, meta_.head));
}

}  // namespace stepcast::store

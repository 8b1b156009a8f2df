#include "store/journal/tools.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/random.hpp"
#include "store/journal/judge.hpp"
#include "store/journal/lines.hpp"

namespace stepcast::store {
namespace {

using lines::page;
using lines::reported_each;
constexpr std::size_t most_problems = 20;
constexpr std::array companions{"", "-wal", "-shm", "-mark"};

Error failed(const std::string& path, const SqliteError& e) {
    return {journal_errc::failing, {}, fmt::format("{}: {}", path, e.what())};
}

void report_count(const OnLine& on_line, const char* what, std::uint64_t before, std::uint64_t now) {
    if (on_line && before / reported_each != now / reported_each)
        on_line(fmt::format("{} events {}", now, what));
}

/// Follows the versions of each stream, to see where one lacks an event.
class Versions {
  public:
    explicit Versions(const JournalBase& base) {
        for (const auto& [category, head, snapshot] : base.streams)
            last_[Loss{category, false, head.id}.hash()] = {head.first_version - 1, 0};
    }

    /// The version that the event would have if none were missing. True in `gap` if one is, just before it.
    Version next(const StoredEvent& event, bool& gap) {
        auto& [counted, missing] =
            last_[Loss{&event.draft->category(), false, std::string{event.draft->stream_id()}}.hash()];
        gap = event.version != counted + missing + 1;
        if (gap) missing = event.version - counted - 1;
        gaps_ += gap ? 1 : 0;
        return ++counted;
    }
    std::uint64_t gaps() const { return gaps_; }

  private:
    struct Last {
        Version counted = 0;
        Version missing = 0;
    };
    boost::unordered_flat_map<std::uint64_t, Last> last_;
    std::uint64_t gaps_ = 0;
};

void check_events(JournalFile& file, JournalReport& report, const OnLine& on_line) {
    auto base = file.read_base(&report.problems);
    if (base)
        if (auto kept = file.read_kept(*base, &report.problems); !kept) base = tl::unexpected{kept.error()};
    if (!base) {
        report.problems.push_back(base.error().detail);
        return;
    }
    Versions versions{*base};
    Salvage reader{file};
    std::vector<std::string> gaps;
    while (reader.next(page)) {
        for (const auto& event : reader.events()) {
            bool gap = false;
            versions.next(event, gap);
            if (gap && gaps.size() < most_problems)
                gaps.push_back(fmt::format("position {}: {} {} lacks the event before version {}",
                                           event.position, event.draft->category().name,
                                           event.draft->stream_id(), event.version));
        }
        const auto before = report.events;
        report.events += reader.events().size();
        report_count(on_line, "read", before, report.events);
    }
    for (const auto* found : {&reader.problems(), &std::as_const(gaps)})
        report.problems.insert(report.problems.end(), found->begin(), found->end());
    if (report.problems.size() > most_problems) report.problems.resize(most_problems);
}

}  // namespace

void sync_to_disk(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ::fsync(fd);
    ::close(fd);
}

bool Salvage::next(std::size_t limit) {
    events_.clear();
    while (after_ < file_.head()) {
        // Behind damage one place at a time, until it is left behind.
        auto rows = file_.read_events(after_, careful_ != 0 ? 1 : limit);
        if (!rows) {
            if (careful_ != 0) {
                ++after_;
                ++unreadable_;
                if (problems_.size() < most_problems)
                    problems_.push_back(fmt::format("position {}: {}", after_, rows.error().detail));
            }
            careful_ = limit;
            continue;
        }
        if (careful_ != 0) --careful_;
        if (rows->through == after_) return false;
        after_ = rows->through;
        events_ = std::move(rows->events);
        if (!events_.empty()) return true;
    }
    return false;
}

result<JournalReport> check_journal(const std::string& path, Categories categories, const OnLine& on_line) {
    auto file = JournalFile::open_to_read({.path = path, .categories = categories, .salvage = true});
    if (!file) return tl::unexpected{file.error()};
    JournalReport report;
    report.epoch = (*file)->epoch();
    report.head = (*file)->head();
    report.problems = (*file)->problems();
    try {
        report.size = (*file)->size();
        const auto pages = (*file)->integrity(most_problems);
        report.problems.insert(report.problems.end(), pages.begin(), pages.end());
    } catch (const SqliteError& e) {
        report.problems.push_back(e.what());
    }
    check_events(**file, report, on_line);
    return report;
}

namespace {

// A whole and compact file with all that stands in `from` and its log, under an epoch of its own if it has
// one. Readable for its owner only.
result<void> copy_journal(const std::string& from, const std::string& to, const std::string& epoch) {
    if (auto fine = judge_journal(own_name(from), Mark::read(own_name(from))); !fine) return fine;
    std::error_code error;
    std::filesystem::remove(to, error);
    try {
        Database db{from, Database::Mode::read};
        const int fd = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (fd >= 0) ::close(fd);
        auto copy = db.prepare("VACUUM INTO ?");
        copy.bind(1, plain_name(to)).run();
        if (!epoch.empty()) {
            Database copied{to, Database::Mode::write};
            Transaction transaction{copied};
            name_history(copied, epoch);
            transaction.commit();
        }
    } catch (const SqliteError& e) {
        std::filesystem::remove(to, error);
        return tl::unexpected{failed(from, e)};
    }
    sync_to_disk(to);
    return {};
}

}  // namespace

result<void> backup_journal(const std::string& path, const std::string& to) {
    std::error_code error;
    if (std::filesystem::exists(to, error))
        return fail(journal_errc::unusable, {}, to + " exists already: name a new file");
    const std::string partial = to + ".partial";
    // The original goes on, and will give the same positions to other events.
    if (auto copied = copy_journal(path, partial, random_token(8)); !copied) return copied;
    std::filesystem::rename(partial, to, error);
    if (error) return fail(journal_errc::failing, {}, fmt::format("{}: {}", to, error.message()));
    sync_to_disk(std::filesystem::absolute(to).parent_path());
    return {};
}

result<void> compact_journal(const std::string& path, Categories categories) {
    auto file = JournalFile::open({path, 0, categories, true});
    if (!file) return tl::unexpected{file.error()};
    try {
        (*file)->compact();
    } catch (const SqliteError& e) {
        return tl::unexpected{failed(path, e)};
    }
    return {};
}

// The old file keeps its place until the new one takes it in one step. Whatever ends this in between, a start
// is refused with a line that says why: two names, a log of another file, or a mark.
result<void> put_in_place(const std::string& made, const std::string& path, const std::string& aside) {
    std::error_code error;
    if (std::filesystem::exists(path)) {
        std::filesystem::create_hard_link(path, aside, error);
        if (error) std::filesystem::rename(path, aside, error);  // a file system without such links
    }
    for (const auto* suffix : {"-wal", "-shm"})
        if (!error && std::filesystem::exists(path + suffix))
            std::filesystem::rename(path + suffix, aside + suffix, error);
    if (!error) std::filesystem::rename(made, path, error);
    if (error) return fail(journal_errc::failing, {}, fmt::format("{}: {}", path, error.message()));
    // Marks last: the old one is held against a file that is not there.
    std::filesystem::rename(Mark::path_of(path), Mark::path_of(aside), error);
    sync_to_disk(std::filesystem::path{path}.parent_path());
    return {};
}

namespace {

// Copies what can be read. Versions are counted anew where an event is missing, because a state is folded
// from a stream without holes; then the epoch is a new one.
result<Repair> salvage(JournalFile& from, JournalFile& to, const OnLine& on_line) {
    Repair repair;
    repair.problems = from.problems();
    JournalBase base = from.read_base(&repair.problems).value_or(JournalBase{});
    if (auto kept = from.read_kept(base, &repair.problems); !kept)
        repair.problems.push_back(kept.error().detail);
    Versions versions{base};
    Salvage reader{from};
    JournalGroup group;
    Position head = 0;
    for (bool more = true; more;) {
        more = reader.next(page);
        for (const auto& event : reader.events()) {
            bool gap = false;
            const auto version = versions.next(event, gap);
            head = event.position;
            group.events.push_back(
                event::Event::seal(event.draft, version, head, event.recorded_at, from.epoch()));
        }
        if (more && group.events.size() < page) continue;
        report_count(on_line, "kept", repair.kept, repair.kept + group.events.size());
        repair.kept += group.events.size();
        if (auto written = to.write(std::exchange(group, {}), head); !written)
            return tl::unexpected{written.error()};
    }
    repair.unreadable = reader.unreadable();
    repair.broken = versions.gaps();
    const std::string epoch = repair.whole() ? std::string{from.epoch()} : random_token(8);
    auto written = to.write_base(base, std::max(head, from.head()), epoch);
    if (!written) return tl::unexpected{written.error()};
    return repair;
}

}  // namespace

result<Repair> repair_journal(const std::string& name, Categories categories, const OnLine& on_line) {
    const std::string path = own_name(name);
    const std::string made = path + ".repaired";
    const auto lock = FileLock::take(path, false);
    if (!lock) return tl::unexpected{lock.error()};
    std::error_code error;
    for (const auto* suffix : companions) std::filesystem::remove(made + suffix, error);
    auto repair = [&]() -> result<Repair> {
        auto from = JournalFile::open_to_read({.path = path, .categories = categories, .salvage = true});
        if (!from && from.error().code == journal_errc::damaged)
            return fail(journal_errc::damaged, {},
                        path +
                            " is damaged where all else hangs on it, so nothing of it can be kept: put a "
                            "backup in its place: stepcast journal restore BACKUP " +
                            path);
        if (!from) return tl::unexpected{from.error()};
        auto to = JournalFile::open({made, 0, categories});
        if (!to) return tl::unexpected{to.error()};
        auto done = salvage(**from, **to, on_line);
        (*to)->settle();
        return done;
    }();
    if (!repair) return repair;
    repair->damaged_file = fmt::format("{}.damaged-{}", path, random_token(6));
    if (auto put = put_in_place(made, path, repair->damaged_file); !put) return tl::unexpected{put.error()};
    return repair;
}

result<std::string> restore_journal(const std::string& backup, const std::string& name, Categories categories,
                                    const OnLine& on_line) {
    const std::string path = own_name(name);
    std::error_code error;
    if (std::filesystem::equivalent(backup, path, error))
        return fail(journal_errc::unusable, {}, backup + " is the journal itself: name a backup of it");
    std::optional<FileLock> lock;
    const bool exists = std::filesystem::exists(path, error);
    if (exists) {
        auto taken = FileLock::take(path, false);
        if (!taken) return tl::unexpected{taken.error()};
        lock = std::move(*taken);
    }
    const auto report = check_journal(backup, categories, on_line);
    if (!report) return tl::unexpected{report.error()};
    if (!report->problems.empty())
        return fail(
            journal_errc::damaged, {},
            fmt::format("{} is damaged, so it takes nobody's place: {}", backup, report->problems[0]));
    const std::string made = path + ".restored";
    if (auto copied = copy_journal(backup, made, {}); !copied) return tl::unexpected{copied.error()};
    const std::string aside = fmt::format("{}.before-{}", path, random_token(6));
    if (auto put = put_in_place(made, path, aside); !put) return tl::unexpected{put.error()};
    return exists ? aside : std::string{};
}

}  // namespace stepcast::store

#include "store/journal_tools.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "base/random.hpp"

namespace stepcast::store {
namespace {

constexpr std::size_t page = 1024;
constexpr std::size_t most_problems = 20;
constexpr std::uint64_t told_each = 250'000;

Error failed(const std::string& path, const SqliteError& e) {
    return {journal_errc::failing, {}, fmt::format("{}: {}", path, e.what())};
}

void sync_to_disk(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ::fsync(fd);
    ::close(fd);
}

void say_progress(const Told& told, const char* what, std::uint64_t before, std::uint64_t now) {
    if (told && before / told_each != now / told_each) told(fmt::format("{} events {}", now, what));
}

/// Follows the versions of each stream, to see where one lacks an event.
class Versions {
  public:
    explicit Versions(const JournalBase& base) {
        for (const auto& [category, head, snapshot] : base.streams)
            last_[Loss{category, head.id}.hash()] = {head.first_version - 1, 0};
    }

    /// The version that the event would have if none were missing. True in `gap` if one is, just before it.
    Version next(const StoredEvent& event, bool& gap) {
        auto& [counted, missing] =
            last_[Loss{&event.draft->category(), std::string{event.draft->stream_id()}}.hash()];
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

void check_events(JournalFile& file, JournalReport& report, const Told& told) {
    const auto base = file.read_base(&report.problems);
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
        say_progress(told, "read", before, report.events);
    }
    for (const auto* found : {&reader.problems(), &std::as_const(gaps)})
        report.problems.insert(report.problems.end(), found->begin(), found->end());
    if (report.problems.size() > most_problems) report.problems.resize(most_problems);
}

}  // namespace

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

result<JournalReport> check_journal(const std::string& path, Categories categories, const Told& told) {
    auto file = JournalFile::open_to_read({path, 0, categories});
    if (!file) return tl::unexpected{file.error()};
    JournalReport report;
    report.epoch = (*file)->epoch();
    report.head = (*file)->head();
    try {
        report.size = (*file)->size();
        report.problems = (*file)->integrity(most_problems);
    } catch (const SqliteError& e) {
        report.problems.push_back(e.what());
    }
    check_events(**file, report, told);
    return report;
}

result<void> backup_journal(const std::string& path, const std::string& to) {
    std::error_code error;
    if (std::filesystem::exists(to, error))
        return fail(journal_errc::unusable, {}, to + " exists already: name a new file");
    const std::string partial = to + ".partial";
    std::filesystem::remove(partial, error);
    try {
        Database db{path, Database::Mode::read};
        auto copy = db.prepare("VACUUM INTO ?");
        copy.bind(1, partial).run();
        // The original goes on, and will give the same positions to other events.
        Database copied{partial, Database::Mode::write};
        copied.run(fmt::format("UPDATE meta SET value='{}' WHERE name='epoch'", random_token(8)));
    } catch (const SqliteError& e) {
        std::filesystem::remove(partial, error);
        return tl::unexpected{failed(path, e)};
    }
    sync_to_disk(partial);
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

namespace {

// Copies what can be read. Versions are counted anew where an event is missing, because a state is folded
// from a stream without holes; then the epoch is a new one.
result<Repair> salvage(JournalFile& from, JournalFile& to, const Told& told) {
    Repair repair;
    std::vector<std::string> left_out;
    const JournalBase base = from.read_base(&left_out).value_or(JournalBase{});
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
        say_progress(told, "kept", repair.kept, repair.kept + group.events.size());
        repair.kept += group.events.size();
        if (auto written = to.write(std::exchange(group, {}), head); !written)
            return tl::unexpected{written.error()};
    }
    repair.unreadable = reader.unreadable();
    repair.broken = versions.gaps();
    const bool whole = repair.unreadable == 0 && repair.broken == 0 && left_out.empty();
    auto written = to.write_base(base, std::max(head, from.head()), whole ? from.epoch() : random_token(8));
    if (!written) return tl::unexpected{written.error()};
    return repair;
}

}  // namespace

result<Repair> repair_journal(const std::string& name, Categories categories, const Told& told) {
    const std::string path = own_name(name);
    const std::string made = path + ".repaired";
    std::error_code error;
    std::filesystem::remove(made, error);
    const auto lock = FileLock::take(path + "-lock");
    if (!lock) return fail(journal_errc::in_use, {}, path + " is in use by another Stepcast: stop it first");
    auto repair = [&]() -> result<Repair> {
        auto from = JournalFile::open_to_read({path, 0, categories});
        if (!from && from.error().code == journal_errc::damaged)
            return fail(journal_errc::damaged, {},
                        path +
                            " is damaged where all else hangs on it, so nothing of it can be kept: put a "
                            "backup in its place");
        if (!from) return tl::unexpected{from.error()};
        auto to = JournalFile::open({made, 0, categories});
        if (!to) return tl::unexpected{to.error()};
        auto done = salvage(**from, **to, told);
        (*to)->settle();
        return done;
    }();
    std::filesystem::remove(made + "-lock", error);
    if (!repair) return repair;
    repair->damaged_file = fmt::format("{}.damaged-{}", path, random_token(6));
    for (const auto* suffix : {"", "-wal", "-shm"})
        if (std::filesystem::exists(path + suffix))
            std::filesystem::rename(path + suffix, repair->damaged_file + suffix);
    std::filesystem::rename(made, path);
    sync_to_disk(std::filesystem::absolute(path).parent_path());
    return repair;
}

}  // namespace stepcast::store

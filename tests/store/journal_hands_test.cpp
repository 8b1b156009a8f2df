// What hands do to a journal's files while they are open, and who may have them at all.
#include <signal.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>

#include "base/random.hpp"
#include "store/journal/tools.hpp"
#include "store/journal_fixture.hpp"

namespace stepcast::store::test {
namespace {

/// Writes as a server would that got past the lock.
void write_as_a_stranger(const std::string& path) {
    Database other{path, Database::Mode::write};
    bool as_written = false;
    auto meta = JournalMeta::read(other, as_written);
    meta.owner = "stranger";
    ++meta.head;
    ++meta.group;
    meta.write(other);
}

TEST_F(JournalHands, a_second_process_is_refused_whatever_lies_beside_the_file_and_whatever_it_is_called) {
    close(*open());
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto held = JournalFile::open({path, 0, categories});
        const char opened = held ? 'y' : 'n';
        if (::write(ends[1], &opened, 1) < 0) _exit(3);
        ::pause();
        _exit(0);
    }
    char opened = 0;
    ASSERT_EQ(::read(ends[0], &opened, 1), 1);
    EXPECT_EQ(opened, 'y');
    fs::remove(path + "-lock");
    EXPECT_NE(why_not(path).find("is in use by another Stepcast"), std::string::npos);
    fs::create_hard_link(path, folder.file("second"));
    EXPECT_NE(why_not(folder.file("second")).find("is in use by another Stepcast"), std::string::npos);
    fs::remove(folder.file("second"));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_EQ(why_not(path), "opened");
}

TEST_F(JournalHands, what_another_process_wrote_is_never_taken_for_our_own) {
    auto file = JournalFile::open({path, 0, categories});
    ASSERT_TRUE(file);
    write_as_a_stranger(path);
    JournalGroup group;
    group.events.push_back(Event::seal(draft("a", "1"), 1, 1, clock.at, (*file)->epoch()));
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto written = (*file)->write(group, 1);
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().code, journal_errc::taken_over) << written.error().detail;
    }
    EXPECT_TRUE((*file)->read_events(0, 10)->events.empty());
}

TEST_F(JournalHands, a_server_whose_journal_was_taken_over_ends_before_it_acknowledges) {
    for (const bool idle : {false, true}) {
        path = folder.file(idle ? "idle" : "busy");
        const pid_t child = ::fork();
        if (child == 0) {
            auto store = open();
            write_as_a_stranger(path);
            if (!idle) EXPECT_FALSE(insist(*store, "a", "1"));
            store->look();
            io.restart();
            io.run_for(5s);
            _exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 1);
    }
}

TEST_F(JournalHands,
       nothing_is_acknowledged_while_a_file_is_moved_or_replaced_and_all_goes_on_once_it_is_back) {
    auto store = open();
    ASSERT_TRUE(insist(*store, "a", "first"));
    int count = 0;
    for (const auto* suffix : {"", "-wal"}) {
        for (const bool replaced : {false, true}) {
            const auto name = path + suffix, aside = folder.file("aside");
            SCOPED_TRACE(name + (replaced ? " replaced" : " moved"));
            const auto id = std::to_string(++count);
            fs::rename(name, aside);
            if (replaced) fs::copy(aside, name);
            EXPECT_TRUE(becomes(*store, false)) << "also while nobody writes";
            EXPECT_EQ(first_answer(*store, id), errc::unavailable);
            EXPECT_EQ(value_of(store->stream_info(task, "a")).value().version, static_cast<Version>(count))
                << "reads go on";
            fs::rename(aside, name);
            EXPECT_TRUE(becomes(*store, true));
            ASSERT_TRUE(insist(*store, "a", id));
            // Between two looks it is a writer who meets it.
            fs::rename(name, aside);
            EXPECT_EQ(first_answer(*store, id + "b"), errc::unavailable);
            fs::rename(aside, name);
            EXPECT_TRUE(becomes(*store, true));
            EXPECT_TRUE(insist(*store, "a", id + "b")->deduplicated);
            ++count;
        }
    }
    close(*store);
    store.reset();
    store = open();
    EXPECT_EQ(everything(*store).size(), static_cast<std::size_t>(count + 1));
    close(*store);
}

TEST_F(JournalHands, a_file_that_was_deleted_while_it_was_open_is_noticed) {
    auto store = open();
    ASSERT_TRUE(insist(*store, "a", "1"));
    for (const auto* suffix : {"", "-wal"}) fs::remove(path + suffix);
    EXPECT_TRUE(becomes(*store, false));
    EXPECT_EQ(first_answer(*store, "2"), errc::unavailable);
    close(*store);
}

TEST_F(JournalHands, only_its_owner_may_read_a_journal_and_what_lies_beside_it) {
    const auto mask = ::umask(0);
    const auto open_to_others = [](const std::string& file) {
        struct stat found{};
        EXPECT_EQ(::stat(file.c_str(), &found), 0) << file;
        return (found.st_mode & 077) != 0;
    };
    auto store = open();
    ASSERT_TRUE(insist(*store, "a", "1"));
    ASSERT_TRUE(backup_journal(path, folder.file("backup")));
    for (const auto& file : {path, path + "-wal", path + "-shm", path + "-mark", folder.file("backup")})
        EXPECT_FALSE(open_to_others(file)) << file;
    close(*store);
    store.reset();
    ASSERT_TRUE(repair_journal(path, categories, {}));
    EXPECT_FALSE(open_to_others(path));
    // As older versions left it.
    Database{path, Database::Mode::write}.run("PRAGMA user_version=3");
    ::chmod(path.c_str(), 0644);
    EXPECT_EQ(why_not(path), "opened");
    EXPECT_FALSE(open_to_others(path));
    ::umask(mask);
}

TEST_F(JournalHands, a_name_is_a_name_of_a_file_and_nothing_else) {
    const auto before = fs::current_path();
    fs::create_directory(folder.file("here"));
    fs::current_path(folder.file("here"));
    for (const std::string name : {":memory:", "file:x?mode=memory"}) {
        path = name;
        auto store = open();
        EXPECT_TRUE(insist(*store, "a", "1"));
        close(*store);
        store.reset();
        EXPECT_TRUE(fs::is_regular_file(folder.file("here") + "/" + name)) << name;
        EXPECT_EQ(check_journal(name, categories, {})->events, 1u) << name;
        EXPECT_TRUE(backup_journal(name, name + ".copy"));
        EXPECT_EQ(why_not(name + ".copy"), "opened");
    }
    fs::current_path(before);
    fs::create_directory(folder.file("folder"));
    EXPECT_NE(why_not(folder.file("folder")).find("is a folder: name a file in it"), std::string::npos);
}

TEST_F(JournalHands, a_log_that_a_reader_pins_is_counted_and_told_once) {
    std::ostringstream said;
    const auto before = spdlog::default_logger();
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
    auto store = open();
    ASSERT_TRUE(insist(*store, "a", "1"));
    const auto commit_mebibytes = [&](int count) {
        for (int i = 0; i < count; ++i) {
            std::vector<Commit> commits;
            for (int part = 0; part < 18; ++part)
                commits.push_back(
                    commit_of({draft("b", random_token(12), {.body = std::string(60'000, 'x')})}));
            for (const auto& one : run_to_end(strand, store->commit_many(commits))) ASSERT_TRUE(one);
        }
    };
    Database reader{path, Database::Mode::read};
    reader.run("BEGIN");
    EXPECT_EQ(reader.number("SELECT count(*) FROM events"), 1);
    commit_mebibytes(10);
    EXPECT_TRUE(store->size().pinned);
    EXPECT_GT(store->size().log, 10'000'000u);
    EXPECT_EQ(said.str(), "");
    commit_mebibytes(70);
    const auto line = said.str().find("cannot be moved into the file");
    EXPECT_NE(line, std::string::npos);
    EXPECT_EQ(said.str().find("cannot be moved into the file", line + 1), std::string::npos);
    reader.run("COMMIT");
    commit_mebibytes(10);
    EXPECT_FALSE(store->size().pinned);
    EXPECT_LT(store->size().log, 20'000'000u);
    close(*store);
    spdlog::set_default_logger(before);
}

}  // namespace
}  // namespace stepcast::store::test

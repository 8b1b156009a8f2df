// What the journal does with a quota, and on a file system that has no locks: the system's own answers, given
// where SQLite and the lock ask for them.
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "store/journal_fixture.hpp"

namespace {

std::atomic<int> writes_answer{0}, locks_answer{0};

bool refused(const std::atomic<int>& answer) {
    if (answer == 0) return false;
    errno = answer;
    return true;
}

ssize_t write_at(int file, const void* bytes, size_t count, off_t at) {
    return refused(writes_answer) ? -1 : ::pwrite(file, bytes, count, at);
}
ssize_t write_on(int file, const void* bytes, size_t count) {
    return refused(writes_answer) ? -1 : ::write(file, bytes, count);
}

}  // namespace

// In place of the C library's, for this whole program.
extern "C" int flock(int file, int operation) noexcept {
    return refused(locks_answer) ? -1 : static_cast<int>(::syscall(SYS_flock, file, operation));
}

namespace stepcast::store::test {
namespace {

/// While it lives, SQLite's writes go through the functions above.
class AskedWrites {
  public:
    AskedWrites() {
        set("pwrite", reinterpret_cast<sqlite3_syscall_ptr>(write_at));
        set("pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(write_at));
        set("write", reinterpret_cast<sqlite3_syscall_ptr>(write_on));
    }
    ~AskedWrites() {
        for (const auto* name : {"pwrite", "pwrite64", "write"}) set(name, nullptr);
        writes_answer = 0;
    }
    AskedWrites(const AskedWrites&) = delete;
    AskedWrites& operator=(const AskedWrites&) = delete;

  private:
    static void set(const char* name, sqlite3_syscall_ptr call) {
        auto* vfs = sqlite3_vfs_find("unix");
        vfs->xSetSystemCall(vfs, name, call);
    }
};

using JournalDisk = JournalHands;

TEST_F(JournalDisk, a_quota_is_waited_for_and_nothing_goes_for_it) {
    for (const std::uint64_t bound : {0, 1 << 20}) {
        SCOPED_TRACE(bound);
        path = folder.file("journal" + std::to_string(bound));
        const AskedWrites writes;
        auto store = open(bound);
        ASSERT_TRUE(insist(*store, "done", "1", {.lifecycle = Lifecycle::ends}));
        store->feed().read_through(store->head());
        writes_answer = EDQUOT;
        auto one = commit_of({draft("a", "1")});
        const auto refusal_of = value_of(store->commit_many({&one, 1}))[0];
        EXPECT_EQ(refusal(refusal_of), errc::unavailable);
        EXPECT_NE(refusal_of.error().detail.find("Disk quota exceeded"), std::string::npos)
            << refusal_of.error().detail;
        EXPECT_FALSE(store->healthy());
        EXPECT_EQ(value_of(store->stream_info(task, "done")).value().version, 1u) << "reads go on";
        writes_answer = 0;
        EXPECT_TRUE(becomes(*store, true));
        EXPECT_TRUE(run_to_end(strand, insist_on(*store, one))->deduplicated);
        EXPECT_EQ(store->stats().expired, 0u);
        EXPECT_EQ(everything(*store).size(), 2u);
        close(*store);
    }
}

TEST_F(JournalDisk, a_start_at_a_quota_says_so) {
    const AskedWrites writes;
    writes_answer = EDQUOT;
    EXPECT_NE(why_not(path).find("Disk quota exceeded"), std::string::npos) << why_not(path);
}

TEST_F(JournalDisk, a_file_system_without_locks_refuses_the_start_by_that_reason) {
    for (const int answer : {ENOLCK, EOPNOTSUPP, ENOSYS}) {
        locks_answer = answer;
        const auto why = why_not(path);
        locks_answer = 0;
        EXPECT_NE(why.find("cannot be locked ("), std::string::npos) << why;
        EXPECT_NE(why.find(std::strerror(answer)), std::string::npos) << why;
        EXPECT_NE(why.find("on a local file system"), std::string::npos) << why;
    }
    EXPECT_EQ(why_not(path), "opened");
}

}  // namespace
}  // namespace stepcast::store::test

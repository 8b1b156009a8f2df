#include "store/journal/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>

namespace stepcast::store {
namespace {

constexpr mode_t owner_only = S_IRUSR | S_IWUSR;

std::mutex held_mutex;
std::set<std::pair<dev_t, ino_t>> held;  // by this process

FileIdentity identity(const struct stat& found) {
    return {found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_size)};
}

Error in_use(const std::string& path) {
    return because(journal_errc::in_use,
                   path + " is in use by another Stepcast: one journal serves one process");
}

Error cannot_open(const std::string& path, int error) {
    switch (error) {
        case EISDIR:
            return because(journal_errc::unusable, path + " is a folder: name a file in it");
        case EROFS:
            return because(journal_errc::unusable,
                           path + " is on a read-only file system, so it cannot be written");
        case ENOENT:
            return because(journal_errc::unusable, path + ": there is no such file");
        case EACCES:
        case EPERM:
            return because(journal_errc::unusable,
                           path + " cannot be written: look at its owner and permissions, and its folder's");
        case ENOSPC:
        case EDQUOT:
            return because(journal_errc::failing, path + ": no room is left for it on the disk");
        default:
            return because(journal_errc::unusable,
                           fmt::format("{} cannot be opened: {}", path, std::strerror(error)));
    }
}

Error cannot_lock(const std::string& path, int error) {
    if (error == EWOULDBLOCK) return in_use(path);
    return because(
        journal_errc::unusable,
        fmt::format("{} cannot be locked ({}), so a second Stepcast could write to it unseen: name "
                    "a file on a local file system",
                    path, std::strerror(error)));
}

}  // namespace

std::optional<FileIdentity> FileIdentity::of(const std::string& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) return std::nullopt;
    return identity(found);
}

bool FileLock::held_here(const std::string& path) {
    const auto file = FileIdentity::of(path);
    const std::lock_guard guard{held_mutex};
    return file && held.contains({file->device, file->inode});
}

result<FileLock> FileLock::take(const std::string& path, bool create) {
    // Opened and closed once more it would cost the holder's connection its locks.
    if (held_here(path)) return tl::unexpected{in_use(path)};
    const int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0);
    const int fd = ::open(path.c_str(), flags, owner_only);
    if (fd < 0) return tl::unexpected{cannot_open(path, errno)};
    struct stat found{};
    int error = ::fstat(fd, &found) != 0 || ::flock(fd, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
    // Replaced between the two: what is locked is not what the name means.
    if (error == 0 && FileIdentity::of(path) != identity(found)) error = EWOULDBLOCK;
    if (error != 0) {
        ::close(fd);
        return tl::unexpected{cannot_lock(path, error)};
    }
    FileLock lock;
    lock.fd_ = fd;
    lock.file_ = identity(found);
    const std::lock_guard guard{held_mutex};
    held.emplace(found.st_dev, found.st_ino);
    return lock;
}

FileLock::~FileLock() {
    if (fd_ < 0) return;
    const std::lock_guard guard{held_mutex};
    held.erase({file_.device, file_.inode});
    ::close(fd_);
}

void FileLock::make_private() const {
    ::fchmod(fd_, owner_only);
}

}  // namespace stepcast::store

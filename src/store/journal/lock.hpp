#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "store/journal/errc.hpp"

namespace stepcast::store {

/// Which file a name means now.
struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    std::uint64_t size = 0;  ///< bytes; not part of what it is

    /// Empty if there is no such file.
    static std::optional<FileIdentity> of(const std::string& path);
    bool operator==(const FileIdentity& other) const {
        return device == other.device && inode == other.inode;
    }
};

/// Held for as long as this lives: only one process may write to a journal. It locks the file itself,
/// whatever it is called: another name, a bind mount or another mount namespace leads to the same lock.
/// SQLite's own locks would let several writers take turns.
///
/// Outlives every connection to the file: closing any descriptor of a file lets go the locks that SQLite has
/// on it in this process.
class FileLock {
  public:
    FileLock() = default;
    /// `create`: makes the file, readable for its owner only, if it is missing. The error's detail is one
    /// line for people.
    static result<FileLock> take(const std::string& path, bool create);
    /// True if this process holds the lock of the file: then it must not be opened but through SQLite.
    static bool held_here(const std::string& path);
    FileLock(FileLock&& other) noexcept { *this = std::move(other); }
    FileLock& operator=(FileLock&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(file_, other.file_);
        return *this;
    }
    ~FileLock();

    const FileIdentity& file() const { return file_; }
    /// Nobody but the file's owner may read it from now on.
    void make_private() const;

  private:
    int fd_ = -1;
    FileIdentity file_{};
};

}  // namespace stepcast::store

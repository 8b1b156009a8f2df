#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "auth/key.hpp"

namespace stepcast::auth {

/// What a file holds, at most 1 MiB. Blocks.
result<std::string> read_file(const std::string& path);

/// The keys of files and folders (not of folders in those; names that begin with a dot are passed over): PEM,
/// a JWK or a JWK Set, or, where the name ends in `.secret`, the bytes of a HMAC secret without a final line
/// end. At most 256 keys. The error names the file. Blocks.
result<std::vector<Key>> read_keys(const std::vector<std::string>& paths);
/// The same of one file that must hold one key.
result<Key> read_key(const std::string& path);

/// What is wrong with a file that is read again, and what that means.
struct Problem {
    std::string what;       ///< one line that names the file
    std::string_view then;  ///< "its keys from before stay"
};

/// The keys of files and folders, as for `read_keys`, that are read again and again.
class KeyFiles {
  public:
    explicit KeyFiles(const std::vector<std::string>& paths);

    /// Reads them. A file that cannot be used keeps the keys that it gave last, and keeps back no other; so
    /// does a folder that is not there. The keys of files that were taken out of their folder go. Blocks.
    std::vector<Problem> read();
    std::vector<SharedKey> keys() const;

  private:
    struct Source {
        std::string path;
        std::map<std::string, std::vector<SharedKey>> files;  // what each gave last
    };
    static std::vector<Problem> read(Source& source);

    std::vector<Source> sources_;
};

/// Changes when one of the files, or of a folder's files, is written, replaced, added or gone. Blocks.
std::uint64_t stamp_files(const std::vector<std::string>& paths);

}  // namespace stepcast::auth

#pragma once
#include <cstdint>
#include <string>
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

/// Changes when one of the files, or of a folder's files, is written, replaced, added or gone. Blocks.
std::uint64_t stamp_files(const std::vector<std::string>& paths);

}  // namespace stepcast::auth

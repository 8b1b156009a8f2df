#include "auth/key_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "auth/errc.hpp"
#include "auth/jwk.hpp"
#include "auth/pem.hpp"
#include "base/hash.hpp"

namespace stepcast::auth {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_file_bytes = 1024 * 1024;
constexpr std::size_t most_keys = 256;
constexpr std::size_t most_files = 1024;
constexpr std::string_view no_file = "the folder holds no file of keys";
constexpr std::string_view keys_stay = "its keys from before stay";
constexpr std::string_view keys_go = "nobody is believed by it any more";

tl::unexpected<Error> fail_file(const std::string& path, std::string_view why) {
    return fail(errc::bad_file, {}, fmt::format("{}: {}", path, why));
}

/// The file itself, or the files of a folder by name.
result<std::vector<std::string>> files_of(const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
    std::vector<std::string> files;
    fs::directory_iterator entries{path, error};
    for (; !error && entries != fs::directory_iterator{}; entries.increment(error)) {
        std::error_code unknown;
        if (entries->path().filename().string().starts_with('.') || entries->is_directory(unknown)) continue;
        files.push_back(entries->path());
        if (files.size() > most_files) return fail_file(path, fmt::format("more than {} files", most_files));
    }
    if (error) return fail_file(path, error.message());
    std::ranges::sort(files);
    return files;
}

result<std::vector<Key>> parse_keys(const std::string& path, std::string text) {
    const bool secret = path.ends_with(".secret");
    const auto begin = text.find_first_not_of(" \t\r\n");
    const auto content = begin == text.npos ? std::string_view{} : std::string_view{text}.substr(begin);
    const bool pem = is_pem(content);
    const bool json = content.starts_with('{');
    // A public key that became a secret would let anybody sign who has read it.
    if (secret && (pem || json)) return fail(errc::bad_file, {}, "a .secret file must not hold PEM or JSON");
    if (json) return parse_jwks(content);
    if (!secret && !pem)
        return fail(errc::bad_file, {},
                    "neither PEM nor JSON (JWK, JWKS), and its name does not end in .secret");
    if (secret && text.ends_with('\n')) text.pop_back();
    if (secret && text.ends_with('\r')) text.pop_back();
    auto key = secret ? Key::from_secret(std::move(text)) : parse_pem(content);
    if (!key) return tl::unexpected{key.error()};
    key->id = fs::path{path}.stem();
    if (key->id.ends_with(".pub")) key->id.resize(key->id.size() - 4);  // `keygen` names the public half so
    std::vector<Key> keys;
    keys.push_back(std::move(*key));
    return keys;
}

result<std::vector<Key>> read_key_file(const std::string& path) {
    auto text = read_file(path);
    if (!text) return tl::unexpected{text.error()};
    auto keys = parse_keys(path, std::move(*text));
    if (!keys) return fail(keys.error().code, {}, fmt::format("{}: {}", path, keys.error().detail));
    return keys;
}

void add_stamp(std::string& all, const std::string& path) {
    struct stat info{};
    all += path;
    if (::stat(path.c_str(), &info) != 0) return;
    for (const auto number :
         {static_cast<std::int64_t>(info.st_ino), static_cast<std::int64_t>(info.st_size),
          static_cast<std::int64_t>(info.st_mtim.tv_sec), static_cast<std::int64_t>(info.st_mtim.tv_nsec),
          static_cast<std::int64_t>(info.st_ctim.tv_sec), static_cast<std::int64_t>(info.st_ctim.tv_nsec)})
        all.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

result<std::string> read_file(const std::string& path) {
    std::error_code unknown;
    if (fs::is_directory(path, unknown)) return fail_file(path, "it is a folder");
    errno = 0;
    std::ifstream in{path, std::ios::binary};
    if (!in) return fail_file(path, errno != 0 ? std::strerror(errno) : "it cannot be read");
    std::string text(most_file_bytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return fail_file(path, "it cannot be read");
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > most_file_bytes) return fail_file(path, "it is larger than 1 MiB");
    text.shrink_to_fit();  // a secret is kept as it is
    return text;
}

result<std::vector<Key>> read_keys(const std::vector<std::string>& paths) {
    std::vector<Key> keys;
    for (const auto& path : paths) {
        const auto files = files_of(path);
        if (!files) return tl::unexpected{files.error()};
        if (files->empty()) return fail_file(path, no_file);
        for (const auto& file : *files) {
            auto read = read_key_file(file);
            if (!read) return tl::unexpected{read.error()};
            std::ranges::move(*read, std::back_inserter(keys));
            if (keys.size() > most_keys) return fail_file(file, fmt::format("more than {} keys", most_keys));
        }
    }
    return keys;
}

KeyFiles::KeyFiles(const std::vector<std::string>& paths) {
    for (const auto& path : paths) sources_.push_back({path, {}});
}

std::vector<Problem> KeyFiles::read() {
    std::vector<Problem> problems;
    for (auto& source : sources_) std::ranges::move(read(source), std::back_inserter(problems));
    return problems;
}

std::vector<Problem> KeyFiles::read(Source& source) {
    std::error_code error;
    const auto files = files_of(source.path);
    if (!files) return {{files.error().detail, keys_stay}};
    if (!fs::exists(source.path, error))
        return {{fail_file(source.path, std::strerror(ENOENT)).value().detail, keys_stay}};
    std::vector<Problem> problems;
    if (files->empty()) problems.push_back({fail_file(source.path, no_file).value().detail, keys_go});
    std::map<std::string, std::vector<SharedKey>> fresh;
    std::size_t count = 0;
    for (const auto& file : *files) {
        auto& keys = fresh[file];
        auto read = read_key_file(file);
        if (read && count + read->size() > most_keys)
            read = fail_file(file, fmt::format("more than {} keys", most_keys));
        if (read) {
            keys = shared(std::move(*read));
        } else {
            problems.push_back({read.error().detail, keys_stay});
            keys = source.files[file];
        }
        count += keys.size();
    }
    source.files = std::move(fresh);
    return problems;
}

std::vector<SharedKey> KeyFiles::keys() const {
    std::vector<SharedKey> all;
    for (const auto& source : sources_)
        for (const auto& [file, keys] : source.files) all.insert(all.end(), keys.begin(), keys.end());
    return all;
}

result<Key> read_key(const std::string& path) {
    auto keys = read_key_file(path);
    if (!keys) return tl::unexpected{keys.error()};
    if (keys->size() != 1) return fail_file(path, "it must hold one key");
    return std::move(keys->front());
}

std::uint64_t stamp_files(const std::vector<std::string>& paths) {
    std::string all;
    for (const auto& path : paths) {
        add_stamp(all, path);
        for (const auto& file : files_of(path).value_or(std::vector<std::string>{})) add_stamp(all, file);
    }
    return keyed_hash(all);
}

}  // namespace stepcast::auth

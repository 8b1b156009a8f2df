#pragma once
#include <gtest/gtest.h>
#include <openssl/rsa.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "auth/base64url.hpp"
#include "auth/errc.hpp"
#include "auth/jwk.hpp"
#include "auth/keygen.hpp"
#include "auth/pem.hpp"
#include "auth/token.hpp"

namespace stepcast::auth {

/// A key that signs, made once for each algorithm.
inline const Key& signing_key(Algorithm algorithm) {
    static std::map<Algorithm, Key> keys;
    const auto found = keys.find(algorithm);
    if (found != keys.end()) return found->second;
    if (algorithm == Algorithm::rs256 || algorithm == Algorithm::ps256) {
        if (algorithm == Algorithm::ps256) return signing_key(Algorithm::rs256);
        // Shorter than make_key's, which takes seconds on a slow machine.
        return keys.emplace(algorithm, *Key::from_pkey(OwnedPkey{EVP_RSA_gen(2048)})).first->second;
    }
    const auto text = make_key(algorithm).secret;
    auto key = is_pem(text) ? parse_pem(text) : Key::from_secret(text);
    return keys.emplace(algorithm, std::move(*key)).first->second;
}

/// A token with any header and payload, signed with that algorithm's key.
inline std::string sign(Algorithm algorithm, std::string_view header, std::string_view payload) {
    const auto input = encode_base64url(header) + '.' + encode_base64url(payload);
    return input + '.' + encode_base64url(signing_key(algorithm).sign(algorithm, input).value());
}

/// The errors' code, or 0.
template <class T>
std::error_code code_of(const result<T>& done) {
    return done ? std::error_code{} : done.error().code;
}

/// A folder that goes with its test.
class Folder {
  public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "auth-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    const std::string& path() const { return path_; }
    /// Writes a file and gives its path.
    std::string write(const std::string& name, std::string_view text) const {
        const auto file = path_ + "/" + name;
        std::ofstream{file, std::ios::binary} << text;
        return file;
    }

    void remove(const std::string& name) const { std::filesystem::remove(path_ + "/" + name); }

  private:
    std::string path_;
};

}  // namespace stepcast::auth

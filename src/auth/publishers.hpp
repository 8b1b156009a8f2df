#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "auth/principal.hpp"
#include "base/result.hpp"

namespace stepcast::auth {

/// SHA-256 of a publisher's key, which is all that is stored of it.
using KeyHash = std::array<unsigned char, 32>;

/// True for what only a publisher's key begins with: tools that look for leaked secrets know it by this.
inline bool is_publisher_key(std::string_view token) {
    return token.starts_with("spk_");
}

/// A new key: `spk_` and 32 random bytes in base64url.
std::string make_publisher_key();
/// Its line in the file: `name sha256 scope…`.
std::string publisher_line(std::string_view name, Scopes scopes, std::string_view key);
/// Whether a name can stand in such a line: 1 to 128 printable characters without a space, no `#` in front.
bool is_publisher_name(std::string_view name);
/// The scopes that words name ("publish", "admin"). The error names a word that is none.
result<Scopes> parse_scopes(std::string_view words);

/// Keys for workers that have no identity provider. Immutable; any thread.
class Publishers {
  public:
    /// A file's text: a line each, at most 1024; empty lines and those that begin with `#` are passed over. A
    /// line that is none holds for nobody, and keeps back no other: `wrong` says why, of the first 10.
    static Publishers parse(std::string_view text, std::vector<std::string>& wrong);

    /// Takes each key that `before` has under the same name from there.
    void reuse(const Publishers& before);
    /// Revokes each key that is not in what follows this, which has reused it.
    void revoke_all_but(const Publishers& next) const;

    /// Who has this key; its name is its user too. Takes the same time wherever the key stands.
    result<Principal> find(std::string_view key) const;

    std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        std::string name;
        Scopes scopes;
        KeyHash hash;
        std::shared_ptr<std::atomic<bool>> revoked = std::make_shared<std::atomic<bool>>(false);
    };
    static result<Entry> parse_line(std::string_view line);

    std::vector<Entry> entries_;
};

}  // namespace stepcast::auth

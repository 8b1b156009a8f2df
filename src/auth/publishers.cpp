#include "auth/publishers.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "auth/errc.hpp"
#include "auth/json.hpp"
#include "auth/keygen.hpp"
#include "auth/openssl.hpp"
#include "base/text.hpp"

namespace stepcast::auth {
namespace {

constexpr std::size_t most_publishers = 1024;  // each is compared with every key that comes
constexpr std::size_t most_told = 10;          // of lines that are none
constexpr std::size_t longest_name = 128;      // a user's id

KeyHash hash_of(std::string_view key) {
    KeyHash hash;
    SHA256(bytes_of(key), key.size(), hash.data());
    return hash;
}

std::optional<KeyHash> parse_hash(std::string_view hex) {
    KeyHash hash;
    if (hex.size() != 2 * hash.size()) return std::nullopt;
    for (std::size_t i = 0; i < hash.size(); ++i) {
        const auto digits = hex.substr(2 * i, 2);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + 2, hash[i], 16);
        if (error != std::errc{} || end != digits.data() + 2) return std::nullopt;
    }
    return hash;
}

/// Takes the first word off.
std::string_view next_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r"), text.size()));
    const auto word = text.substr(0, text.find_first_of(" \t\r"));
    text.remove_prefix(word.size());
    return word;
}

}  // namespace

std::string make_publisher_key() {
    return "spk_" + make_secret(32);
}

bool is_publisher_name(std::string_view name) {
    return !name.empty() && valid_utf8(name) && count_code_points(name) <= longest_name &&
           !has_control(name) && name.find(' ') == name.npos && !name.starts_with('#');
}

std::string publisher_line(std::string_view name, Scopes scopes, std::string_view key) {
    const auto hash = hash_of(key);
    std::string line{name};
    line += ' ';
    for (const auto byte : hash) line += fmt::format("{:02x}", byte);
    if (scopes.publish) line += " publish";
    if (scopes.admin) line += " admin";
    return line;
}

result<Scopes> parse_scopes(std::string_view words) {
    Scopes scopes;
    for (auto word = next_word(words); !word.empty(); word = next_word(words)) {
        if (word == "publish")
            scopes.publish = true;
        else if (word == "admin")
            scopes.admin = true;
        else
            return fail(errc::bad_file, {},
                        fmt::format("the scopes are publish and admin, not {}", shown(word)));
    }
    return scopes;
}

result<Publishers::Entry> Publishers::parse_line(std::string_view line) {
    Entry entry;
    entry.name = next_word(line);
    const auto hash = parse_hash(next_word(line));
    if (!is_publisher_name(entry.name) || !hash)
        return fail(errc::bad_file, {}, "it must be a name, 64 hex digits of a SHA-256, and scopes");
    const auto scopes = parse_scopes(line);
    if (!scopes) return tl::unexpected{scopes.error()};
    entry.scopes = *scopes;
    entry.hash = *hash;
    return entry;
}

Publishers Publishers::parse(std::string_view text, std::vector<std::string>& wrong) {
    Publishers publishers;
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
        if (line.empty() || line.starts_with('#')) continue;
        auto entry = parse_line(line);
        if (entry && publishers.entries_.size() == most_publishers)
            entry = fail(errc::bad_file, {}, fmt::format("there are more than {} keys", most_publishers));
        if (entry)
            publishers.entries_.push_back(std::move(*entry));
        else if (wrong.size() < most_told)
            wrong.push_back(fmt::format("line {}: {}", number, entry.error().detail));
    }
    return publishers;
}

void Publishers::reuse(const Publishers& before) {
    for (auto& entry : entries_)
        for (const auto& old : before.entries_)
            if (old.hash == entry.hash && old.name == entry.name) entry.revoked = old.revoked;
}

void Publishers::revoke_all_but(const Publishers& next) const {
    for (const auto& entry : entries_)
        if (std::ranges::find(next.entries_, entry.revoked, &Entry::revoked) == next.entries_.end())
            entry.revoked->store(true, std::memory_order_relaxed);
}

result<Principal> Publishers::find(std::string_view key) const {
    const auto hash = hash_of(key);
    const Entry* found = nullptr;
    for (const auto& entry : entries_)
        if (CRYPTO_memcmp(hash.data(), entry.hash.data(), hash.size()) == 0) found = &entry;
    if (found == nullptr) return fail(errc::unknown_key, {}, "the publisher's key is none of ours");
    Principal principal;
    principal.subject = found->name;
    principal.name = found->name;
    principal.scopes = found->scopes;
    principal.revoked = found->revoked;
    principal.anonymous = false;
    return principal;
}

}  // namespace stepcast::auth

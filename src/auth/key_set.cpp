#include "auth/key_set.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "auth/errc.hpp"
#include "auth/json.hpp"

namespace stepcast::auth {
namespace {

// Each costs a signature's verification, and anybody may ask for it.
constexpr std::size_t most_tried = 8;

Error unknown(const Token& token) {
    return {errc::unknown_key,
            {},
            token.key ? fmt::format("none of our keys is called {}", shown(*token.key))
                      : "we have no key that could have signed the token"};
}

}  // namespace

void KeySet::reuse(const KeySet& before) {
    for (auto& key : keys_)
        for (const auto& old : before.keys_)
            if (old->same_as(*key)) key = old;
}

void KeySet::revoke_all_but(const KeySet& next) const {
    for (const auto& key : keys_)
        if (std::ranges::find(next.keys_, key) == next.keys_.end()) key->revoke();
}

std::vector<const Key*> KeySet::named(const Token& token) const {
    std::vector<const Key*> found;
    if (token.key)
        for (const auto& key : keys_)
            if (key->id == *token.key) found.push_back(key.get());
    if (!found.empty()) return found;
    for (const auto& key : keys_)
        if (!token.key || !key->id_binds) found.push_back(key.get());
    return found;
}

result<const Key*> KeySet::verify(const Token& token) const {
    const auto algorithm = parse_algorithm(token.algorithm);
    if (!algorithm)
        return fail(errc::algorithm, {},
                    fmt::format("the algorithm {} is not taken", shown(token.algorithm)));
    const auto keys = named(token);
    if (keys.empty()) return tl::unexpected{unknown(token)};
    std::size_t tried = 0;
    bool called = false;
    for (const auto* key : keys) {
        called |= token.key && key->id == *token.key;
        if (!key->algorithms().has(*algorithm)) continue;
        if (tried++ == most_tried) break;
        if (key->verify(*algorithm, token.signed_part, token.signature)) return key;
    }
    if (token.key && !called) return tl::unexpected{unknown(token)};
    if (tried == 0)
        return fail(errc::algorithm, {}, fmt::format("{} is not what our keys take", token.algorithm));
    return fail(errc::signature, {}, "the signature of the token is wrong");
}

}  // namespace stepcast::auth

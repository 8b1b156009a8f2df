#include "auth/verifier.hpp"

#include <fmt/format.h>

#include "auth/base64url.hpp"
#include "auth/errc.hpp"
#include "auth/key_files.hpp"

namespace stepcast::auth {
namespace {

/// Of what was verified before: time goes on, and may be set back.
result<Principal> still_valid(const Claims& claims, Timestamp now) {
    if (now >= claims.principal.expires) return fail(errc::expired, {}, "the token has expired");
    if (now < claims.not_before) return fail(errc::not_yet_valid, {}, "the token is not valid yet");
    return claims.principal;
}

}  // namespace

result<std::unique_ptr<Verifier>> Verifier::open(Settings settings) {
    if (settings.keys.empty() && settings.publisher_keys.empty())
        return fail(errc::bad_file, {}, "there are neither keys nor publishers' keys: nobody could call");
    std::unique_ptr<Verifier> verifier{new Verifier{std::move(settings)}};
    if (auto read = verifier->reload(); !read) return tl::unexpected{read.error()};
    return verifier;
}

std::shared_ptr<const Verifier::Trust> Verifier::trust() const {
    const std::lock_guard lock{mutex_};
    return trust_;
}

result<Principal> Verifier::verify(std::string_view text, Timestamp now) {
    if (is_publisher_key(text)) return trust()->publishers.find(text);
    if (text.size() > most_token_bytes)
        return fail(errc::malformed, {}, fmt::format("a token has at most {} bytes", most_token_bytes));
    const auto digest = cache_.digest(text);
    if (const auto known = cache_.find(digest, generation_)) return still_valid(*known, now);
    const auto token = read_token(text);
    if (!token) return tl::unexpected{token.error()};
    const auto trusted = trust();
    if (auto verified = trusted->keys.verify(*token); !verified) return tl::unexpected{verified.error()};
    const auto payload = decode_base64url(token->payload);
    if (!payload) return fail(errc::malformed, {}, "the payload of the token is not base64url");
    auto claims = read_claims(*payload, settings_, now);
    if (!claims) return tl::unexpected{claims.error()};
    auto kept = std::make_shared<const Claims>(std::move(*claims));
    cache_.put(digest, trusted->generation, kept);
    return kept->principal;
}

result<Verifier::Trust> Verifier::read() const {
    Trust trust;
    auto keys = read_keys(settings_.keys);
    if (!keys) return tl::unexpected{keys.error()};
    trust.keys = KeySet{std::move(*keys)};
    if (settings_.publisher_keys.empty()) return trust;
    const auto text = read_file(settings_.publisher_keys);
    if (!text) return tl::unexpected{text.error()};
    auto publishers = Publishers::parse(*text);
    if (!publishers)
        return fail(errc::bad_file, {},
                    fmt::format("{}: {}", settings_.publisher_keys, publishers.error().detail));
    trust.publishers = std::move(*publishers);
    return trust;
}

result<void> Verifier::reload() {
    stamp_ = stamp();  // before they are read: what changes meanwhile is read again
    auto fresh = read();
    if (!fresh) return tl::unexpected{fresh.error()};
    fresh->generation = generation_ + 1;
    const std::lock_guard lock{mutex_};
    trust_ = std::make_shared<const Trust>(std::move(*fresh));
    generation_ = trust_->generation;
    return {};
}

result<bool> Verifier::refresh() {
    if (stamp() == stamp_) return false;
    if (auto read = reload(); !read) return tl::unexpected{read.error()};
    return true;
}

std::uint64_t Verifier::stamp() const {
    auto files = settings_.keys;
    if (!settings_.publisher_keys.empty()) files.push_back(settings_.publisher_keys);
    return stamp_files(files);
}

}  // namespace stepcast::auth

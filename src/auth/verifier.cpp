#include "auth/verifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "auth/base64url.hpp"
#include "auth/errc.hpp"

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
    if (settings.keys.empty() && settings.publisher_keys.empty() && !settings.fetches)
        return fail(errc::bad_file, {}, "there are neither keys nor publishers' keys: nobody could call");
    std::unique_ptr<Verifier> verifier{new Verifier{std::move(settings)}};
    if (auto problems = verifier->reload(); !problems.empty())
        return fail(errc::bad_file, {}, std::move(problems.front().what));
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
    const auto key = trusted->keys.verify(*token);
    if (!key) return tl::unexpected{key.error()};
    const auto payload = decode_base64url(token->payload);
    if (!payload) return fail(errc::malformed, {}, "the payload of the token is not base64url");
    auto claims = read_claims(*payload, settings_, now);
    if (!claims) return tl::unexpected{claims.error()};
    claims->principal.revoked = (*key)->revoked();
    auto kept = std::make_shared<const Claims>(std::move(*claims));
    cache_.put(digest, trusted->generation, kept);
    return kept->principal;
}

std::vector<Problem> Verifier::read_publishers() {
    if (settings_.publisher_keys.empty()) return {};
    const auto text = read_file(settings_.publisher_keys);
    if (!text) return {{text.error().detail, "its keys from before stay"}};
    std::vector<std::string> wrong;
    publishers_ = Publishers::parse(*text, wrong);
    std::vector<Problem> problems;
    for (const auto& line : wrong)
        problems.push_back(
            {fmt::format("{}: {}", settings_.publisher_keys, line), "that line holds for nobody"});
    return problems;
}

std::vector<Problem> Verifier::read() {
    stamp_ = stamp();  // before they are read: what changes meanwhile is read again
    auto problems = files_.read();
    std::ranges::move(read_publishers(), std::back_inserter(problems));
    believe();
    return problems;
}

// Keys that stay are the same objects before and behind this, so that what is not found there again is gone.
void Verifier::believe() {
    auto keys = files_.keys();
    keys.insert(keys.end(), fetched_.begin(), fetched_.end());
    const auto before = trust();
    const auto fresh =
        std::make_shared<Trust>(Trust{KeySet{std::move(keys)}, publishers_, before->generation + 1});
    fresh->keys.reuse(before->keys);
    fresh->publishers.reuse(before->publishers);
    {
        const std::lock_guard lock{mutex_};
        trust_ = fresh;
        generation_ = fresh->generation;
    }
    before->keys.revoke_all_but(fresh->keys);
    before->publishers.revoke_all_but(fresh->publishers);
}

std::vector<Problem> Verifier::reload() {
    const std::lock_guard lock{reading_};
    return read();
}

std::optional<std::vector<Problem>> Verifier::refresh() {
    const std::lock_guard lock{reading_};
    if (stamp() == stamp_) return std::nullopt;
    return read();
}

void Verifier::take_fetched(std::vector<Key> keys) {
    const std::lock_guard lock{reading_};
    const auto same = [](const SharedKey& before, const Key& key) { return before->same_as(key); };
    if (std::ranges::equal(fetched_, keys, same)) return;
    fetched_ = shared(std::move(keys));
    believe();
}

std::uint64_t Verifier::stamp() const {
    auto files = settings_.keys;
    if (!settings_.publisher_keys.empty()) files.push_back(settings_.publisher_keys);
    return stamp_files(files);
}

}  // namespace stepcast::auth

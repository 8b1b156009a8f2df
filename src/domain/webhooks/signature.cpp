#include "domain/webhooks/signature.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <fstream>
#include <iterator>
#include <optional>

#include "auth/base64.hpp"
#include "base/error_category.hpp"

namespace stepcast::webhooks {
namespace {

constexpr std::string_view prefix = "whsec_";
constexpr std::size_t least = 24, most = 64;  // bytes of a secret
constexpr std::size_t most_secrets = 8;
constexpr std::size_t largest_file = 4096;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view trimmed(std::string_view line) {
    const auto from = line.find_first_not_of(" \t\r");
    return from == line.npos ? std::string_view{}
                             : line.substr(from, line.find_last_not_of(" \t\r") - from + 1);
}

}  // namespace

std::error_code make_error_code(errc e) {
    static const ErrorCategory<errc> category{"webhooks",
                                              {{errc::bad_secret, "bad secret"},
                                               {errc::not_public, "not public"},
                                               {errc::refused, "refused"},
                                               {errc::behind, "behind"},
                                               {errc::unreadable, "unreadable"}}};
    return category.code(e);
}

result<Secrets> Secrets::parse(std::string_view text) {
    Secrets secrets;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        auto key = line.starts_with(prefix) ? auth::decode_base64(line.substr(prefix.size())) : std::nullopt;
        if (!key || key->size() < least || key->size() > most)
            return fail(
                errc::bad_secret, {},
                fmt::format("line {} is not {} and {} to {} bytes as base64", number, prefix, least, most));
        secrets.keys_.push_back(std::move(*key));
    }
    if (secrets.keys_.empty() || secrets.keys_.size() > most_secrets)
        return fail(errc::bad_secret, {},
                    fmt::format("it holds {} secrets, not 1 to {}", secrets.keys_.size(), most_secrets));
    return secrets;
}

result<Secrets> Secrets::read(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::string text(largest_file + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (in.gcount() == 0 && !in.eof()))
        return fail(errc::bad_secret, {}, path + " cannot be read");
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > largest_file)
        return fail(errc::bad_secret, {}, path + " is no file of secrets: too large");
    auto secrets = parse(text);
    if (!secrets) return fail(errc::bad_secret, {}, fmt::format("{}: {}", path, secrets.error().detail));
    return secrets;
}

std::string Secrets::sign(std::string_view id, std::int64_t timestamp, std::string_view body) const {
    const auto text = fmt::format("{}.{}.{}", id, timestamp, body);
    std::string out;
    for (const auto& key : keys_) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned int size = 0;
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
             digest.data(), &size);
        if (!out.empty()) out += ' ';
        out.append("v1,").append(auth::encode_base64({reinterpret_cast<const char*>(digest.data()), size}));
    }
    return out;
}

}  // namespace stepcast::webhooks

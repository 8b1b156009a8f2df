#pragma once
#include <system_error>

namespace stepcast::auth {

/// Why a token, or a file of keys, is not taken.
enum class errc {
    malformed = 1,   ///< not three parts of base64url with JSON in them, or larger than 8 KiB
    refused_header,  ///< the header asks for what we do not do: crit, keys of its own, another type
    algorithm,       ///< an algorithm that no key of ours takes, `none` included
    unknown_key,     ///< names a key, or was made with one, that we do not have
    signature,       ///< the signature is not that key's
    expired,
    not_yet_valid,
    issuer,
    audience,
    claims,       ///< a claim that is needed is missing or of another kind
    bad_key,      ///< a key that cannot be used: too short, of an unknown kind, not on its curve
    bad_file,     ///< a file of keys that cannot be read
    unavailable,  ///< the keys to judge the token by have not come yet
};

std::error_code make_error_code(errc e);

}  // namespace stepcast::auth

template <>
struct std::is_error_code_enum<stepcast::auth::errc> : std::true_type {};

#include "auth/errc.hpp"

#include "base/error_category.hpp"

namespace stepcast::auth {

std::error_code make_error_code(errc e) {
    static const ErrorCategory<errc> category{"auth",
                                              {{errc::malformed, "not a token"},
                                               {errc::refused_header, "the token's header is refused"},
                                               {errc::algorithm, "the token's algorithm is refused"},
                                               {errc::unknown_key, "the token's key is unknown"},
                                               {errc::signature, "the token's signature is wrong"},
                                               {errc::expired, "the token has expired"},
                                               {errc::not_yet_valid, "the token is not valid yet"},
                                               {errc::issuer, "the token's issuer is not accepted"},
                                               {errc::audience, "the token is for another audience"},
                                               {errc::claims, "the token's claims are incomplete"},
                                               {errc::bad_key, "the key cannot be used"},
                                               {errc::bad_file, "the file of keys cannot be used"},
                                               {errc::unavailable, "the keys have not come yet"}}};
    return category.code(e);
}

}  // namespace stepcast::auth

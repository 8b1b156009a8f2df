// Any bytes as what keys are read from: refused with a reason, or keys that take an algorithm.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auth/jwk.hpp"
#include "auth/pem.hpp"
#include "auth/publishers.hpp"
#include "base/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stepcast::auth;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    if (const auto keys = parse_jwks(bytes)) {
        for (const auto& key : *keys)
            if (key.algorithms().empty() || key.verify(Algorithm::es256, "text", std::string(64, '\x01')))
                std::abort();
    } else if (keys.error().detail.empty() || !stepcast::valid_utf8(keys.error().detail)) {
        std::abort();
    }
    if (const auto key = parse_pem(bytes); key && key->algorithms().empty()) std::abort();
    std::vector<std::string> wrong;
    if (Publishers::parse(bytes, wrong).find("spk_x")) std::abort();
    for (const auto& line : wrong)
        if (!stepcast::valid_utf8(line)) std::abort();
    return 0;
}

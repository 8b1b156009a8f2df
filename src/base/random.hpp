#pragma once
#include <cstdint>
#include <string>

namespace stepcast {

/// 64 bits from the system's generator; thread-safe.
std::uint64_t random_u64();

/// A UUID version 4 (RFC 9562), lower case.
std::string random_uuid();

/// `digits` random lower-case letters and digits: epochs and short names.
std::string random_token(std::size_t digits);

}  // namespace stepcast

#include "base/random.hpp"

#include <array>
#include <random>
#include <string_view>

#include "base/hash.hpp"

namespace stepcast {

std::uint64_t random_u64() {
    thread_local std::mt19937_64 engine = [] {
        std::random_device device;
        std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
        return std::mt19937_64{seed};
    }();
    return engine();
}

std::uint64_t process_hash_seed() {
    return random_u64();
}

std::string random_uuid() {
    constexpr std::string_view hex = "0123456789abcdef";
    std::array<std::uint64_t, 2> bits{random_u64(), random_u64()};
    bits[0] = (bits[0] & ~0xF000ull) | 0x4000ull;
    bits[1] = (bits[1] & ~(0xC000ull << 48)) | (0x8000ull << 48);
    std::string out(36, '-');
    std::size_t at = 0;
    for (int nibble = 0; nibble < 32; ++nibble, ++at) {
        if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) ++at;
        out[at] = hex[bits[nibble / 16] >> (60 - nibble % 16 * 4) & 0xF];
    }
    return out;
}

std::string random_token(std::size_t digits) {
    constexpr std::string_view alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string out(digits, '0');
    for (char& c : out) c = alphabet[random_u64() % alphabet.size()];
    return out;
}

}  // namespace stepcast

// Verifies what stands on stdin, a line each: algorithm, PEM in base64, message and signature in hex or "-".
// Prints "valid", "invalid" or "no key" for each.
#include <openssl/evp.h>
#include <charconv>
#include <iostream>
#include <sstream>
#include <string>

#include "auth/pem.hpp"

namespace {

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t at = 0; hex != "-" && at + 1 < hex.size(); at += 2) {
        unsigned value = 0;
        std::from_chars(hex.data() + at, hex.data() + at + 2, value, 16);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

std::string from_base64(const std::string& text) {
    std::string bytes(text.size(), '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return bytes.substr(0, bytes.find('\0'));
}

}  // namespace

int main() {
    using namespace stepcast::auth;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words{line};
        std::string name, pem, message, signature;
        words >> name >> pem >> message >> signature;
        const auto algorithm = parse_algorithm(name);
        const auto key = parse_pem(from_base64(pem));
        if (!algorithm || !key)
            std::cout << "no key\n";
        else
            std::cout << (key->verify(*algorithm, from_hex(message), from_hex(signature)) ? "valid\n"
                                                                                          : "invalid\n");
    }
}

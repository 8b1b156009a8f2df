// What a token costs: nanoseconds of processor time for each algorithm, seen for the first time and seen
// before, and a publisher's key.
#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "auth/keygen.hpp"
#include "auth/pem.hpp"
#include "auth/verifier.hpp"

namespace {

using namespace stepcast;
constexpr Timestamp now{std::chrono::milliseconds{1'800'000'000'000}};

std::string write(const std::string& folder, const std::string& name, std::string_view text) {
    const auto path = folder + "/" + name;
    std::ofstream{path} << text;
    return path;
}

// Of this thread's processor time: others on the machine do not count.
double cpu_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double ns_each(auth::Verifier& verifier, const std::vector<std::string>& tokens, int rounds) {
    const double began = cpu_ns();
    std::size_t refused = 0;
    for (int round = 0; round < rounds; ++round)
        for (const auto& token : tokens) refused += !verifier.verify(token, now);
    const double took = cpu_ns() - began;
    if (refused != 0) fmt::print("{} were refused\n", refused);
    return took / static_cast<double>(tokens.size()) / rounds;
}

void measure(const std::string& folder, auth::Algorithm algorithm) {
    const auto made = auth::make_key(algorithm);
    const bool pem = !made.open.empty();
    auto key = pem ? auth::parse_pem(made.secret) : auth::Key::from_secret(made.secret);
    key->id = "key";
    auto verifier = auth::Verifier::open(
        {.keys = {write(folder, pem ? "key.pem" : "key.secret", pem ? made.open : made.secret)}});
    // As long as those of identity providers.
    const std::string rest =
        R"(","exp":1800000600,"iss":"https://id.example/realms/shop","email":"ada@shop.example",)"
        R"("scope":"openid profile email publish","name":")" +
        std::string(300, 'n') + "\"}";
    std::vector<std::string> tokens;
    for (int i = 0; i < 300; ++i)
        tokens.push_back(*auth::make_token(
            *key, algorithm,
            R"({"sub":"8f14e45f-ceea-467f-a0e6-)" + std::to_string(100000000000 + i) + rest));
    const double fresh = ns_each(**verifier, tokens, 1);
    const double known = ns_each(**verifier, tokens, 200);
    fmt::print("{:8} {:12.0f} {:12.0f} {:8}\n", auth::name_of(algorithm), fresh, known, tokens[0].size());
}

}  // namespace

int main() {
    std::string name = (std::filesystem::temp_directory_path() / "bench-auth-XXXXXX").string();
    const std::string folder = ::mkdtemp(name.data());
    fmt::print("{:8} {:>12} {:>12} {:>8}\n", "", "first, ns", "again, ns", "bytes");
    for (std::size_t i = 0; i < auth::algorithm_count; ++i) measure(folder, static_cast<auth::Algorithm>(i));
    for (const int size : {1, 1000}) {
        std::string lines;
        for (int i = 0; i < size; ++i)
            lines += auth::publisher_line("w" + std::to_string(i), {}, auth::make_publisher_key()) + "\n";
        const auto key = auth::make_publisher_key();
        auto verifier = auth::Verifier::open(
            {.publisher_keys = write(folder, "keys", lines + auth::publisher_line("w", {}, key))});
        fmt::print("one of {:4} publishers' keys {:12.0f}\n", size + 1, ns_each(**verifier, {key}, 20'000));
    }
    std::filesystem::remove_all(folder);
}

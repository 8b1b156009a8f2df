#include "app/commands/token_commands.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstring>

#include "app/commands/blocking.hpp"
#include "app/config/auth_config.hpp"
#include "app/server/key_fetcher.hpp"
#include "auth/base64url.hpp"
#include "auth/key_files.hpp"
#include "auth/keygen.hpp"
#include "auth/token.hpp"
#include "auth/verifier.hpp"
#include "base/text.hpp"

namespace stepcast::app {
namespace {

using Outcome = result<void, std::string>;

tl::unexpected<std::string> wrong(std::string why) {
    return tl::unexpected<std::string>(std::move(why));
}

/// Adds "NAME=JSON"; what is no JSON is taken for a text.
Outcome add_claim(boost::json::object& claims, std::string_view text) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == text.npos)
        return wrong(fmt::format("--claim {}: NAME=JSON is expected", text));
    boost::json::error_code error;
    const auto value = text.substr(equals + 1);
    auto json = boost::json::parse({value.data(), value.size()}, error);
    claims[text.substr(0, equals)] = error ? boost::json::value(value) : std::move(json);
    return {};
}

result<std::string, std::string> make_payload(const TokenOptions& options) {
    const auto ttl = parse_duration(options.ttl);
    if (!ttl)
        return wrong(fmt::format("--ttl {}: a duration such as 15m, 24h or 7d is expected", options.ttl));
    const auto now = system_clock().now();
    boost::json::object claims{{"sub", options.subject}};
    if (!options.scope.empty()) claims["scope"] = options.scope;
    if (!options.issuer.empty()) claims["iss"] = options.issuer;
    if (options.audiences.size() == 1) claims["aud"] = options.audiences.front();
    if (options.audiences.size() > 1)
        claims["aud"] = boost::json::array(options.audiences.begin(), options.audiences.end());
    claims["iat"] = unix_seconds(now);
    claims["exp"] = unix_seconds(now + *ttl);
    for (const auto& claim : options.claims)
        if (auto added = add_claim(claims, claim); !added) return tl::unexpected{added.error()};
    return boost::json::serialize(claims);
}

/// The one asked for, or RS256, which every verifier has, or the strongest that the key takes.
std::optional<auth::Algorithm> choose(const auth::Key& key, const std::string& name) {
    if (!name.empty()) return auth::parse_algorithm(name);
    auto chosen = auth::Algorithm::rs256;
    for (std::size_t i = 0; i < auth::algorithm_count && !key.algorithms().has(auth::Algorithm::rs256); ++i)
        if (key.algorithms().has(static_cast<auth::Algorithm>(i))) chosen = static_cast<auth::Algorithm>(i);
    return chosen;
}

std::string unknown_algorithm(const std::string& name) {
    return fmt::format(
        "--alg {}: HS256, HS384, HS512, RS256, PS256, ES256, ES384, ES512 or EdDSA is expected", name);
}

class File {
  public:
    File(const std::string& path, int flags, mode_t mode)
        : file_{::open(path.c_str(), flags | O_CLOEXEC, mode)} {}
    ~File() {
        if (file_ >= 0) ::close(file_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    /// True once it is on the disk.
    bool write(std::string_view text) const {
        while (!text.empty()) {
            const auto written = ::write(file_, text.data(), text.size());
            if (written <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(written));
        }
        return ::fsync(file_) == 0;
    }

    int handle() const { return file_; }

  private:
    const int file_;
};

Outcome write_new(const std::string& path, std::string_view text, mode_t mode) {
    const File file{path, O_WRONLY | O_CREAT | O_EXCL, mode};
    if (file.handle() < 0 || !file.write(text))
        return wrong(fmt::format("{}: {}", path, std::strerror(errno)));
    fmt::print(stderr, "{} is written\n", path);
    return {};
}

Outcome append_line(const std::string& path, const std::string& line) {
    const File file{path, O_RDWR | O_CREAT | O_APPEND, 0600};
    struct stat info{};
    char last = '\n';
    if (file.handle() < 0 || ::fstat(file.handle(), &info) != 0 ||
        (info.st_size > 0 && ::pread(file.handle(), &last, 1, info.st_size - 1) != 1) ||
        !file.write((last == '\n' ? "" : "\n") + line + "\n"))
        return wrong(fmt::format("{}: {}", path, std::strerror(errno)));
    return {};
}

std::string scopes_text(auth::Scopes scopes) {
    if (scopes.publish && scopes.admin) return "publish and admin";
    if (scopes.publish) return "publish";
    return scopes.admin ? "admin" : "no scope";
}

void show_parts(const std::string& text) {
    const auto token = auth::read_token(text);
    if (!token) return;
    fmt::print("header   {}\n", token->header);
    const auto payload = auth::decode_base64url(token->payload);
    if (payload && valid_utf8(*payload) && !has_control(*payload))
        return fmt::print("payload  {}\n", *payload);
    boost::json::error_code error;
    const auto json = payload ? boost::json::parse(*payload, error) : boost::json::value{};
    if (payload && !error) fmt::print("payload  {}\n", boost::json::serialize(json));
}

/// Gives the verifier what a server with these settings fetches.
result<void> fetch_keys(const Config& config, auth::Verifier& verifier) {
    if (config.auth.jwks_url.empty()) return {};
    auto options = KeyFetcher::options_of(config);
    if (!options) return tl::unexpected{std::move(options.error())};
    asio::io_context io;
    KeyFetcher fetcher{io.get_executor(), std::move(*options), nullptr};
    auto keys = run_blocking<result<std::vector<auth::Key>>>(io, [&] { return fetcher.fetch(); });
    if (!keys) return fail(keys.error().code, {}, "auth.jwks_url: " + keys.error().detail);
    verifier.take_fetched(std::move(*keys));
    return {};
}

int refuse(const std::string& why) {
    fmt::print("refused: {}\n", why);
    return 1;
}

}  // namespace

int complain(const std::string& what) {
    fmt::print(stderr, "stepcast: {}\n", what);
    return 2;
}

int token_new(const TokenOptions& options) {
    const auto key = auth::read_key(options.key);
    if (!key) return complain(key.error().detail);
    const auto algorithm = choose(*key, options.algorithm);
    if (!algorithm) return complain(unknown_algorithm(options.algorithm));
    const auto payload = make_payload(options);
    if (!payload) return complain(payload.error());
    const auto token = auth::make_token(*key, *algorithm, *payload);
    if (!token) return complain(fmt::format("{}: {}", options.key, token.error().detail));
    fmt::print("{}\n", *token);
    return 0;
}

int token_inspect(const Config& config, const InspectOptions& options) {
    if (options.token.empty()) return complain("there is no token: set STEPCAST_TOKEN or give --token-file");
    const auto at = options.at.empty() ? system_clock().now() : parse_rfc3339(options.at);
    if (!at)
        return complain(fmt::format("--at {}: a time such as 2026-01-01T10:00:00Z is expected", options.at));
    show_parts(options.token);
    const auto verifier = auth::Verifier::open(auth_settings(config));
    if (!verifier) return refuse(verifier.error().detail);
    if (auto fetched = fetch_keys(config, **verifier); !fetched) return refuse(fetched.error().detail);
    const auto principal = (*verifier)->verify(options.token, *at);
    if (!principal) return refuse(principal.error().detail);
    fmt::print("accepted as {}, with {}, {}\n", principal->subject, scopes_text(principal->scopes),
               principal->expires == Timestamp::max() ? "until its line is taken away"
                                                      : "until " + format_rfc3339(principal->expires));
    return 0;
}

int token_keygen(const KeygenOptions& options) {
    const auto algorithm = auth::parse_algorithm(options.algorithm);
    if (!algorithm) return complain(unknown_algorithm(options.algorithm));
    const auto key = auth::make_key(*algorithm);
    auto written = key.open.empty() ? write_new(options.path + ".secret", key.secret, 0600)
                                    : write_new(options.path + ".pem", key.secret, 0600);
    if (written && !key.open.empty()) written = write_new(options.path + ".pub.pem", key.open, 0644);
    return written ? 0 : complain(written.error());
}

int publisher_keygen(const PublisherOptions& options) {
    if (!auth::is_publisher_name(options.name))
        return complain("--publish: a name is one printable word that does not begin with #");
    const auto scopes = auth::parse_scopes(options.scope);
    if (!scopes) return complain("--scope: " + scopes.error().detail);
    const auto key = auth::make_publisher_key();
    const auto line = auth::publisher_line(options.name, *scopes, key);
    if (auto done = append_line(options.file, line); !done) return complain(done.error());
    fmt::print("{}\n", key);
    fmt::print(
        stderr,
        "This is the key of {}, shown once: {} holds its hash. It is revoked by taking that line away.\n",
        options.name, options.file);
    return 0;
}

}  // namespace stepcast::app

#include "app/server/demo_issuer.hpp"

#include <boost/json.hpp>

#include "auth/key_files.hpp"
#include "auth/token.hpp"
#include "event/json_reader.hpp"
#include "http/conditions.hpp"
#include "http/hosts.hpp"

namespace stepcast::app {
namespace {

using http::Response;

constexpr auto lifetime = std::chrono::hours{1};
constexpr std::size_t longest_user = 128;  // as a token's subject
constexpr std::array<std::string_view, 2> names{"userId", "password"};

std::string payload_of(const Config::Auth& settings, const std::string& user, Timestamp now) {
    boost::json::object claims{
        {settings.subject_claim, user}, {"iat", unix_seconds(now)}, {"exp", unix_seconds(now + lifetime)}};
    if (!settings.issuers.empty()) claims["iss"] = settings.issuers.front();
    if (!settings.audiences.empty()) claims[settings.audience_claim] = settings.audiences.front();
    return boost::json::serialize(claims);
}

}  // namespace

result<std::unique_ptr<DemoIssuer>> DemoIssuer::open(const Config& config, const Clock& clock) {
    auto keys = auth::read_keys(config.auth.keys);
    if (!keys) return tl::unexpected{std::move(keys.error())};
    for (auth::Key& key : *keys)
        for (std::size_t i = 0; i < auth::algorithm_count; ++i) {
            const auto algorithm = static_cast<auth::Algorithm>(i);
            if (key.algorithms().has(algorithm) && key.sign(algorithm, "is there a private part?"))
                return std::unique_ptr<DemoIssuer>{new DemoIssuer{config, clock, std::move(key), algorithm}};
        }
    return fail(std::make_error_code(std::errc::invalid_argument), "auth.demo",
                "none of auth.keys can sign; `stepcast token keygen` makes one that can");
}

Response DemoIssuer::issue(const http::Request& request) const {
    // A page under a foreign name that was made to mean this machine is no client of ours.
    if (!request.is_local() || !http::is_local_name(request.header("host").value_or("")))
        return Response::problem(403, "demo-only", "the demonstration gives tokens on its own machine only");
    if (auto refusal = http::refuse_unless_json(request)) return std::move(*refusal);
    const auto json = event::received_json(request.body);
    if (!json) return Response::problem(400, "malformed", json.error().detail);
    const auto values = event::read_members(*json, names);
    if (!values) return Response::problem(400, "malformed", values.error().detail);
    const auto user = event::json_text((*values)[0]), password = event::json_text((*values)[1]);
    if (!user || user->empty() || user->size() > longest_user)
        return Response::invalid_field("userId", "must be a text of 1 to 128 characters");
    if (!password || password->empty())
        return Response::problem(401, "wrong-password", "any password is right but an empty one")
            .with("WWW-Authenticate", "Bearer realm=\"stepcast\"");
    const auto token = auth::make_token(key_, algorithm_, payload_of(config_.auth, *user, clock_.now()));
    if (!token) return Response::problem(500, "internal-error", token.error().detail);
    return Response::json(boost::json::serialize(
        boost::json::object{{"token", *token}, {"expiresIn", std::chrono::seconds{lifetime}.count()}}));
}

}  // namespace stepcast::app

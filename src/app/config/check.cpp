#include "app/config/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <asio/ip/address.hpp>

#include "app/config/kafka_config.hpp"
#include "base/text.hpp"
#include "client/url.hpp"
#include "domain/shop/services.hpp"
#include "domain/webhooks/addresses.hpp"
#include "http/hosts.hpp"
#include "http/trusted_proxies.hpp"
#include "kafka/rdkafka.hpp"

namespace stepcast::app {
namespace {

constexpr std::string_view lower_letters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool only(std::string_view text, std::string_view allowed, std::string_view also = {},
          std::string_view more = {}) {
    return std::ranges::all_of(text, [&](char c) {
        return allowed.find(c) != std::string_view::npos || also.find(c) != std::string_view::npos ||
               more.find(c) != std::string_view::npos;
    });
}

bool is_address(std::string_view text) {
    asio::error_code error;
    asio::ip::make_address(std::string{text}, error);
    return !error;
}

bool is_label(std::string_view label) {
    constexpr std::size_t longest = 63;
    return !label.empty() && label.size() <= longest && !label.starts_with('-') && !label.ends_with('-');
}

/// RFC 1123, and underscores, which container networks use. Dots and digits alone would be an address.
bool is_name(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    if (!only(text, lower_letters, upper_letters, "0123456789-_.")) return false;
    if (text.find('.') != std::string_view::npos && only(text, digits, ".")) return false;
    while (true) {
        const auto dot = text.find('.');
        if (!is_label(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_port(std::string_view text) {
    const auto port = parse_number<std::uint16_t>(text);
    return port && *port > 0 && !text.starts_with('0');
}

}  // namespace

std::string_view check_host(std::string_view text) {
    if (is_address(text) || is_name(text)) return {};
    return "must be an IP address or a host name, without a port";
}

std::string_view check_origin(std::string_view text) {
    constexpr std::string_view wrong =
        "must hold origins as browsers send them, such as \"https://shop.example\" or "
        "\"http://localhost:3000\": no *, no path, no final slash, lower case";
    const auto separator = text.find("://");
    if (separator == std::string_view::npos) return wrong;
    const auto scheme = text.substr(0, separator);
    if (scheme.empty() || lower_letters.find(scheme[0]) == std::string_view::npos ||
        !only(scheme, lower_letters, digits, "+-."))
        return wrong;
    auto host = text.substr(separator + 3);
    // Of [::1]:3000 the port follows the bracket.
    if (const auto colon = host.rfind(':');
        colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
        const auto port = host.substr(colon + 1);
        if (!is_port(port)) return wrong;
        if ((scheme == "http" && port == "80") || (scheme == "https" && port == "443"))
            return "must leave the default port out, as browsers do";
        host = host.substr(0, colon);
    }
    if (host.find_first_of(upper_letters) != std::string_view::npos) return wrong;
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    const bool good =
        bracketed ? host.find(':') != std::string_view::npos && is_address(host.substr(1, host.size() - 2))
                  : is_name(host) || (host.find(':') == std::string_view::npos && is_address(host));
    return good ? std::string_view{} : wrong;
}

std::string_view check_proxy(std::string_view text) {
    if (http::TrustedProxies::is_trustable(text)) return {};
    return "must hold IP addresses, networks without bits behind their prefix such as \"10.0.0.0/8\", or "
           "\"unix\"";
}

std::string_view check_key_url(std::string_view text) {
    if (text.empty()) return {};
    const auto url = client::parse_url(text);
    if (!url || (!url->secure && !http::is_local_name(url->authority())))
        return "must be a URL that begins with https://, or with http:// to this machine: whoever changes "
               "the keys on their way may be anybody";
    return {};
}

std::string_view check_webhook_url(std::string_view text) {
    return client::parse_url(text)
               ? std::string_view{}
               : "must be a URL that begins with https:// or http://, without a user name";
}

std::string_view check_webhook_event(std::string_view text) {
    constexpr std::array<std::string_view, 3> known{"COMPLETED", "FAILED", "STALLED"};
    return std::ranges::find(known, text) != known.end() ? std::string_view{}
                                                         : "must hold COMPLETED, FAILED and STALLED only";
}

// A name is judged by its addresses at each attempt.
std::string check_webhook(const Config& all, const Config::Webhook& webhook) {
    if (webhook.url.empty()) return ".url: is not set";
    if (webhook.secret_file.empty())
        return ".secret_file: is not set, and nothing is sent without a signature";
    if (webhook.events.empty()) return ".events: names none, so nothing would be sent";
    if (webhook.retry > webhook.retry_max) return ".retry: is longer than its retry_max";
    if (all.store.path.empty())
        return ": what is owed to a receiver has to outlive a restart; store.path is not set";
    const auto url = client::parse_url(webhook.url);
    asio::error_code no_address;
    const auto address = asio::ip::make_address(url ? url->host : "", no_address);
    if (!no_address && !webhook.allow_private && !webhooks::is_public(address))
        return fmt::format(".url: {} is no public address; its allow_private = true lets it be told",
                           url->host);
    return {};
}

std::string_view check_base_url(std::string_view text) {
    if (text.empty()) return {};
    const auto url = client::parse_url(text);
    return url && url->target.find('?') == std::string::npos
               ? std::string_view{}
               : "must be a URL that begins with https:// or http://, without a user name and without a "
                 "query";
}

std::string_view check_shop_service(std::string_view text) {
    return std::ranges::find(shop::service_names, text) != shop::service_names.end()
               ? std::string_view{}
               : "must hold order, product, payment and notification only";
}

// A service that commits what it heard and forgets it at a restart would let orders, stock and money differ.
std::string check_shop(const Config& all) {
    if (!all.shop.enabled) return {};
    if (all.shop.services.empty()) return "shop.services: names none, so nothing would be served";
    const bool whole = std::ranges::all_of(shop::service_names, [&](std::string_view name) {
        return std::ranges::find(all.shop.services, name) != all.shop.services.end();
    });
    if (!whole && all.bus.kind == "embedded")
        return "shop.services: on the embedded bus only this process hears what they tell each other, so the "
               "others "
               "must run here, too; bus.kind = \"kafka\" lets them run elsewhere";
    if (all.bus.kind == "kafka" && all.store.path.empty())
        return "shop.enabled: what a service has heard from kafka is not told again, so what came of it has "
               "to "
               "outlive a restart; store.path is not set";
    return {};
}

std::string check_kafka(const Config& config) {
    for (const auto role : {kafka::Role::producer, kafka::Role::consumer})
        if (const auto conf = kafka::make_conf(kafka_config(config), role); !conf) return conf.error().text();
    return {};
}

bool is_secret_property(std::string_view name) {
    constexpr std::array<std::string_view, 4> parts{"password", "secret", "ssl.key.pem",
                                                    "sasl.oauthbearer.config"};
    return std::ranges::any_of(
        parts, [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

}  // namespace stepcast::app

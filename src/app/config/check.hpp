#pragma once
#include <string>
#include <string_view>

#include "app/config/config.hpp"

namespace stepcast::app {

/// Of an address to listen on: empty if it is an IP address or has the form of a host name, otherwise what it
/// must be. Whether a name can be resolved shows when the server starts.
std::string_view check_host(std::string_view text);

/// Of an origin as browsers send it: `scheme://host` or `scheme://host:port`, in lower case, without a
/// default port. Empty if it is one, otherwise what it must be.
std::string_view check_origin(std::string_view text);

/// Of a proxy that is trusted: an address, a network, or "unix". Empty if it is one, otherwise what it must
/// be.
std::string_view check_proxy(std::string_view text);

/// Of a URL that keys are fetched from: empty if it is https, or http to this machine, otherwise what it must
/// be.
std::string_view check_key_url(std::string_view text);

/// Of a webhook's URL, and of what it is told of. Empty if it is one, otherwise what it must be.
std::string_view check_webhook_url(std::string_view text);
std::string_view check_webhook_event(std::string_view text);

/// What keeps a webhook from being one, behind its name; empty if nothing.
std::string check_webhook(const Config& all, const Config::Webhook& webhook);

/// Of a URL below which something is asked. Empty if it is one, or empty; otherwise what it must be.
std::string_view check_base_url(std::string_view text);
/// Of a service of the shop. Empty if it is one, otherwise what it must be.
std::string_view check_shop_service(std::string_view text);
/// What keeps the shop from being served as it is set, behind its key; empty if nothing.
std::string check_shop(const Config& all);

/// What librdkafka, and what Stepcast keeps for itself, has against the kafka settings; no connection is
/// made. Empty if nothing; otherwise the key, a colon and why.
std::string check_kafka(const Config& config);

/// True for a property of librdkafka whose value must not be shown.
bool is_secret_property(std::string_view name);

}  // namespace stepcast::app

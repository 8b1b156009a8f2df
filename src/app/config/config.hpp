#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace stepcast::app {

/// Everything that can be set, with its defaults. Names, ranges and one line of meaning each stand in
/// keys.cpp; sizes are in bytes.
struct Config {
    struct Server {
        std::string host = "127.0.0.1";
        int port = 8082;
        int threads = 0;  ///< never 0 once loaded
        Duration drain = std::chrono::seconds{10};
        std::string tls_cert;  ///< empty: plain HTTP
        std::string tls_key;
        std::string unix_socket;            ///< empty: none
        std::string proxy_header = "none";  ///< none x-forwarded-for forwarded proxy-protocol
        std::vector<std::string> trusted_proxies;
        Duration hsts{};  ///< 0: not said
        std::string admin_host = "127.0.0.1";
        int admin_port = 0;  ///< 0: none
    } server;

    struct Auth {
        std::string mode = "off";       ///< off jwt
        std::vector<std::string> keys;  ///< files and folders
        std::string jwks_url;           ///< empty: none
        std::string jwks_ca;            ///< file; empty: the machine's authorities
        Duration jwks_refresh = std::chrono::minutes{15};
        std::string publisher_keys;  ///< file
        std::vector<std::string> issuers;
        std::vector<std::string> audiences;
        std::string subject_claim = "sub";
        std::string scope_claim = "scope";
        std::string audience_claim = "aud";
        std::string publish_scope = "publish";
        std::string admin_scope = "admin";
        Duration leeway = std::chrono::seconds{30};
        bool demo = false;
    } auth;

    /// 0: no bound.
    struct Limits {
        int address_connections = 0;
        int address_streams = 0;
        int address_requests = 0;  ///< a second, as what follows
        int address_events = 0;
        std::uint64_t address_bytes = 0;
        int user_connections = 0;
        int user_requests = 0;
        int user_events = 0;
        std::uint64_t user_bytes = 0;
    } limits;

    struct Log {
        std::string level = "info";   ///< trace debug info warn error off
        std::string format = "auto";  ///< auto text json
        bool access = false;
    } log;

    struct Otel {
        std::string endpoint;  ///< empty: no spans are collected
        std::string service_name = "stepcast";
    } otel;

    struct Bus {
        std::string kind = "embedded";  ///< embedded kafka
    } bus;

    struct Kafka {
        std::string brokers = "127.0.0.1:9092";
        std::string topic_prefix;
        bool create_topics = true;
        int partitions = 6;
        int replication = 1;
        /// librdkafka's own properties by their dotted names.
        std::map<std::string, std::string> properties;
    } kafka;

    struct Store {
        std::string kind = "memory";
        std::string path;                     ///< empty: nothing outlives the process
        std::uint64_t journal_max_bytes = 0;  ///< 0: no bound
        Duration ttl = std::chrono::hours{24};
        Duration running_ttl = std::chrono::hours{168};
        Duration cleanup_interval = std::chrono::seconds{10};
        Duration tombstone_ttl = std::chrono::hours{168};
        std::uint64_t max_bytes = 0;            ///< never 0 once loaded
        std::uint64_t permanent_max_bytes = 0;  ///< never 0 once loaded
        int max_events_per_task = 100'000;
    } store;

    struct Broadcast {
        int ring_size = 16'384;
    } broadcast;

    struct Progress {
        Duration recovery_window = std::chrono::hours{1};
        int recovery_max = 200;
        Duration stall_after = std::chrono::seconds{30};
    } progress;

    struct Orders {
        bool enabled = true;
        Duration step_delay = std::chrono::seconds{1};
        int stock = 100;
        int max_in_flight = 10'000;
    } orders;

    struct Bank {
        int snapshot_every = 10;  ///< 0: no snapshots
    } bank;

    struct Shop {
        bool enabled = false;
        std::vector<std::string> services{"order", "product", "payment", "notification"};
        std::string saga = "choreography";
        Duration step_timeout = std::chrono::minutes{1};
        Duration compensation_timeout = std::chrono::minutes{10};
        Duration payment_timeout = std::chrono::seconds{10};
        std::string payment_url;
        int payments_at_once = 64;
        int circuit_failures = 5;
        Duration circuit_open_for = std::chrono::seconds{30};
        Duration ship_after = std::chrono::minutes{1};
    } shop;

    struct Outbox {
        Duration keep = std::chrono::hours{1};
    } outbox;

    struct Inbox {
        Duration keep = std::chrono::hours{169};
    } inbox;

    struct DeadLetters {
        std::uint64_t max_bytes = 64ULL * 1024 * 1024;
        int max_attempts = 10;
    } dead_letters;

    struct Traces {
        std::string enabled = "auto";
        Duration keep = std::chrono::hours{1};
        std::uint64_t max_bytes = 64ULL * 1024 * 1024;
    } traces;

    struct Idempotency {
        Duration ttl = std::chrono::hours{168};
    } idempotency;

    /// Whom it tells what becomes of tasks.
    struct Webhook {
        std::string url;
        std::vector<std::string> events{"COMPLETED", "FAILED", "STALLED"};
        std::string secret_file;
        std::string ca;  ///< file; empty: the machine's authorities
        Duration timeout = std::chrono::seconds{10};
        int max_attempts = 20;
        Duration retry = std::chrono::seconds{5};
        Duration retry_max = std::chrono::hours{1};
        int in_flight = 8;
        std::uint64_t max_pending = 16ULL * 1024 * 1024;
        bool allow_private = false;
    };
    std::map<std::string, Webhook> webhooks{};  ///< by name

    struct Sse {
        Duration heartbeat = std::chrono::seconds{15};
        Duration retry = std::chrono::seconds{2};
        std::uint64_t outbox_bytes = 256 * 1024;
        int outbox_frames = 1024;
        Duration write_timeout = std::chrono::seconds{30};
        int max_streams = 20'000;
        int max_streams_per_user = 0;  ///< 0: off
    } sse;

    struct Http {
        Duration header_timeout = std::chrono::seconds{10};
        Duration body_timeout = std::chrono::seconds{30};
        Duration idle_timeout = std::chrono::seconds{75};
        std::uint64_t max_request_line = 8 * 1024;
        std::uint64_t max_header_bytes = 16 * 1024;
        int max_headers = 100;
        std::uint64_t max_body = 1024 * 1024;
        int max_pipelined = 100;
        int max_connections = 25'000;
        std::uint64_t max_pending_bytes = 0;  ///< never 0 once loaded
        std::vector<std::string> hosts;
        std::vector<std::string> cors_origins;
    } http;
};

/// Where settings come from; later ones win: defaults, file, environment, sets.
struct ConfigSources {
    using Variables = std::vector<std::pair<std::string, std::string>>;

    std::optional<std::string> file{};  ///< path of a TOML file that must exist
    Variables environment{};  ///< names and values; only STEPCAST_A__B and STEPCAST_A__B_FILE are looked at
    std::vector<std::string> sets{};  ///< "key=value" of --set
};

/// The environment of this process.
ConfigSources::Variables process_environment();

/// Reads, checks and completes (threads and bytes from the machine) the settings. The error is one line
/// for each thing that is wrong: where it stands (file:line, variable or --set), the key, why, and the
/// nearest known key.
result<Config, std::string> load_config(const ConfigSources& sources);

/// The settings as a TOML file; with `comments` each key's meaning stands above it, as in the tree's
/// config.toml. Values of librdkafka's properties that are secret are shown as "***".
std::string print_config(const Config& config, bool comments);

/// Every key with its variable, meaning, range and default, as docs/configuration.md shows them.
std::string print_markdown();

}  // namespace stepcast::app

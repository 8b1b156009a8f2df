#include "app/config/keys.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "app/config/check.hpp"
#include "app/config/nearest.hpp"
#include "http/trusted_proxies.hpp"

namespace stepcast::app {
namespace {

constexpr std::int64_t second = 1000;
constexpr std::int64_t hour = 3600 * second;
constexpr std::int64_t year = 365 * 24 * hour;
constexpr std::int64_t million = 1'000'000;
constexpr std::int64_t kib = 1024;
constexpr std::int64_t gib = kib * kib * kib;
constexpr std::int64_t any_size = std::numeric_limits<std::int64_t>::max();

#define FIELD(path) [](Config& c) -> Field { return &c.path; }

std::vector<Key> make_keys() {
    return {
        {"server.host",
         "Address to listen on; 0.0.0.0 or :: for every interface.",
         FIELD(server.host),
         1,
         253,
         {},
         false,
         check_host},
        {"server.port", "TCP port; 0 lets the system choose one.", FIELD(server.port), 0, 65535},
        {"server.threads",
         "Most threads that serve, several only under load; 0: as many as its cgroup gives it cores.",
         FIELD(server.threads), 0, 1024},
        {"server.drain", "How long a stop waits for streams and commits before it cuts them.",
         FIELD(server.drain), 0, hour},
        {"server.tls_cert",
         "File of the certificate and its chain (PEM): the server speaks TLS only; empty: plain HTTP. Read "
         "again "
         "when it changes.",
         FIELD(server.tls_cert), 0, 4096},
        {"server.tls_key", "File of the certificate's key (PEM), without a passphrase.",
         FIELD(server.tls_key), 0, 4096},
        {"server.unix_socket",
         "Path of a socket to listen on besides the port, for a proxy on this machine: plain HTTP, for this "
         "user and "
         "its group; empty: none.",
         FIELD(server.unix_socket), 0, 107},
        {"server.proxy_header",
         "How proxies say for whom they speak: none, x-forwarded-for (and X-Forwarded-Proto), forwarded (RFC "
         "7239), or proxy-protocol (versions 1 and 2, before everything else). Only this one is believed, "
         "and "
         "of server.trusted_proxies only.",
         FIELD(server.proxy_header),
         0,
         0,
         {std::begin(http::proxy_header_names), std::end(http::proxy_header_names)}},
        {"server.trusted_proxies",
         "Proxies that are believed: addresses and networks, such as [\"127.0.0.1\", \"10.0.0.0/8\", "
         "\"2001:db8::/32\"], and unix for who speaks on server.unix_socket.",
         FIELD(server.trusted_proxies),
         0,
         0,
         {},
         false,
         check_proxy},
        {"server.hsts",
         "For how long browsers are told to ask this host over https only (Strict-Transport-Security); 0s: "
         "not.",
         FIELD(server.hsts), 0, 10 * year},
        {"server.admin_port",
         "TCP port of its own for /metrics, the monitor and admin calls: whoever reaches it may call them. "
         "0: none; then "
         "they are answered on server.port, to clients on the same machine.",
         FIELD(server.admin_port), 0, 65535},
        {"server.admin_host",
         "Address that server.admin_port listens on.",
         FIELD(server.admin_host),
         1,
         253,
         {},
         false,
         check_host},

        {"auth.mode",
         "Who may call: off (anybody), or jwt (bearers of a token that one of the keys below signed, or of a "
         "publisher's key).",
         FIELD(auth.mode),
         0,
         0,
         {"off", "jwt"}},
        {"auth.keys",
         "Files and folders of the keys that tokens are verified with: PEM (public key or certificate), JWK, "
         "JWKS, or a HMAC secret in a file whose name ends in .secret. Read again on SIGHUP and when they "
         "change.",
         FIELD(auth.keys)},
        {"auth.jwks_url",
         "https URL of an issuer's keys (JWKS), fetched at the start, at an interval, and for a token with "
         "an "
         "unknown "
         "kid; http to this machine only. Until it was fetched once tokens are answered 503 and the node is "
         "not "
         "ready; later the keys from before stay while it cannot be.",
         FIELD(auth.jwks_url),
         0,
         2048,
         {},
         false,
         check_key_url},
        {"auth.jwks_ca",
         "File of the authorities (PEM) that vouch for the host of auth.jwks_url; empty: those of this "
         "machine.",
         FIELD(auth.jwks_ca), 0, 4096},
        {"auth.jwks_refresh",
         "How often auth.jwks_url is fetched: for so long a key that its issuer took back is still believed.",
         FIELD(auth.jwks_refresh), second, 24 * hour},
        {"auth.publisher_keys",
         "File of keys for workers, a line each: name, SHA-256, scopes; `stepcast token keygen --publish "
         "NAME` makes one.",
         FIELD(auth.publisher_keys), 0, 4096},
        {"auth.issuers", "Issuers (iss) whose tokens are taken; empty: whoever has one of the keys.",
         FIELD(auth.issuers)},
        {"auth.audiences",
         "A token must be for one of these (aud); empty: only tokens that name no audience are taken.",
         FIELD(auth.audiences)},
        {"auth.subject_claim", "The claim that is the user's id. Dots go into nested claims.",
         FIELD(auth.subject_claim), 1, 256},
        {"auth.scope_claim",
         "The claim with the scopes: words in a text, or an array, such as realm_access.roles.",
         FIELD(auth.scope_claim), 1, 256},
        {"auth.audience_claim", "The claim that names the audience.", FIELD(auth.audience_claim), 1, 256},
        {"auth.publish_scope", "What the issuer calls the scope to send events of any user.",
         FIELD(auth.publish_scope), 1, 256},
        {"auth.admin_scope", "What the issuer calls the scope for admin calls.", FIELD(auth.admin_scope), 1,
         256},
        {"auth.leeway", "How far an issuer's clock may be off.", FIELD(auth.leeway), 0, hour},
        {"auth.demo",
         "For trying out: POST /api/auth/token gives a token of any user to clients on the same machine, "
         "signed with the "
         "first of auth.keys that can sign.",
         FIELD(auth.demo)},

        {"limits.address_connections",
         "Connections at once from one address (IPv6: one /64), streams and trusted proxies not counted; 0: "
         "no "
         "bound, as below.",
         FIELD(limits.address_connections), 0, million},
        {"limits.address_streams", "Streams at once from one address.", FIELD(limits.address_streams), 0,
         million},
        {"limits.address_requests",
         "Requests a second from one address; what two seconds allow may come at once. More: 429, and a "
         "stream's "
         "client comes back later. Whoever may publish for others is held to none of these rates.",
         FIELD(limits.address_requests), 0, million},
        {"limits.address_events",
         "Events a second that one address may send; any other call that changes something counts as one.",
         FIELD(limits.address_events), 0, million},
        {"limits.address_bytes",
         "Bytes a second of requests from one address and of their answers, streams not counted.",
         FIELD(limits.address_bytes), 0, any_size},
        {"limits.user_connections",
         "Connections at once on which one user has proved its name (auth.mode), streams not counted: those "
         "have sse.max_streams_per_user.",
         FIELD(limits.user_connections), 0, million},
        {"limits.user_requests", "Requests a second of one user.", FIELD(limits.user_requests), 0, million},
        {"limits.user_events", "Events a second that one user may send.", FIELD(limits.user_events), 0,
         million},
        {"limits.user_bytes", "Bytes a second of one user's requests and their answers.",
         FIELD(limits.user_bytes), 0, any_size},

        {"log.level",
         "Least level that is logged: trace, debug, info, warn, error or off.",
         FIELD(log.level),
         0,
         0,
         {"trace", "debug", "info", "warn", "error", "off"}},
        {"log.format",
         "text, json (one object a line), or auto: text on a terminal and json otherwise.",
         FIELD(log.format),
         0,
         0,
         {"auto", "text", "json"}},
        {"log.access",
         "Log each answer: address, user, method, route, status and time; no tokens, paths or contents.",
         FIELD(log.access)},

        {"otel.endpoint",
         "An OpenTelemetry collector (http://127.0.0.1:4318): spans are sent to /v1/traces below this URL by "
         "OTLP "
         "over HTTP, as JSON; empty: none are made.",
         FIELD(otel.endpoint),
         0,
         2048,
         {},
         false,
         check_base_url},
        {"otel.service_name", "What spans call this process.", FIELD(otel.service_name), 1, 256},

        {"bus.kind",
         "Where events come in: embedded (in this process) or kafka.",
         FIELD(bus.kind),
         0,
         0,
         {"embedded", "kafka"}},

        {"kafka.brokers", "Brokers to start from, host:port, separated by commas.", FIELD(kafka.brokers), 1,
         4096},
        {"kafka.topic_prefix",
         "Put before the names of topics and groups, so that several installations share brokers.",
         FIELD(kafka.topic_prefix), 0, 100},
        {"kafka.create_topics", "Create the topics that are missing.", FIELD(kafka.create_topics)},
        {"kafka.partitions", "Partitions of a topic that is created.", FIELD(kafka.partitions), 1, 10'000},
        {"kafka.replication", "Replicas of a topic that is created.", FIELD(kafka.replication), 1, 100},

        {"store.kind", "Where events are kept: memory.", FIELD(store.kind), 0, 0, {"memory"}},
        {"store.path",
         "File of the journal, in which every event stands before it is acknowledged; empty: a restart "
         "forgets.",
         FIELD(store.path), 0, 4096},
        {"store.journal_max_bytes",
         "Most bytes of the journal's file; 0: as the disk allows. At the bound the oldest finished tasks go "
         "first.",
         FIELD(store.journal_max_bytes), 0, any_size},
        {"store.ttl", "How long a finished task is kept after its last event.", FIELD(store.ttl), second,
         10 * year},
        {"store.running_ttl", "How long a running task is kept after its last event.",
         FIELD(store.running_ttl), second, 10 * year},
        {"store.cleanup_interval", "How often expired tasks are looked for.", FIELD(store.cleanup_interval),
         10, hour},
        {"store.tombstone_ttl",
         "How long it is remembered that a task expired, so that a returning client is told.",
         FIELD(store.tombstone_ttl), second, 10 * year},
        {"store.max_bytes",
         "Memory for events; 0: half of what this process may use. At the bound the oldest finished tasks go "
         "first.",
         FIELD(store.max_bytes), 0, any_size},
        {"store.permanent_max_bytes",
         "Memory for what never expires, beside store.max_bytes; 0: as much again. At the bound it is "
         "refused. With store.path events behind the newest snapshot of an account are in the file, their "
         "indexes here.",
         FIELD(store.permanent_max_bytes), 0, any_size},
        {"store.max_events_per_task", "A longer task folds its oldest events into a snapshot.",
         FIELD(store.max_events_per_task), 100, 100'000'000},

        {"broadcast.ring_size",
         "Events that a serving thread may be behind before it reads from the store instead; a power of two.",
         FIELD(broadcast.ring_size),
         2,
         16'777'216,
         {},
         true},

        {"progress.recovery_window",
         "A client without a cursor is told of tasks that ended no longer ago than this.",
         FIELD(progress.recovery_window), 0, 10 * year},
        {"progress.recovery_max", "Most tasks that one connect is told of, newest first.",
         FIELD(progress.recovery_max), 1, 100'000},
        {"progress.stall_after", "A running task without an event for this long is shown as stalled.",
         FIELD(progress.stall_after), 10, year},

        {"orders.enabled", "Accept orders and work them off: the demonstration.", FIELD(orders.enabled)},
        {"orders.step_delay", "Pause between two steps of an order.", FIELD(orders.step_delay), 0, hour},
        {"orders.stock", "An order of more than this fails at its stock check.", FIELD(orders.stock), 0,
         1'000'000'000},
        {"orders.max_in_flight", "Orders worked on at once; more wait on the bus.",
         FIELD(orders.max_in_flight), 1, 1'000'000},

        {"bank.snapshot_every", "Events of an account after which its state is saved beside them; 0: never.",
         FIELD(bank.snapshot_every), 0, 1'000'000},

        {"outbox.keep",
         "How long the row of a message that was given to the bus stays in the journal, with the time of it "
         "in "
         "processed_at; at most 16 MiB of such rows. 0: not at all.",
         FIELD(outbox.keep), 0, year},

        {"inbox.keep",
         "How long it is remembered that a message was handled. The start is refused where a topic keeps its "
         "records (retention.ms) for as long or longer.",
         FIELD(inbox.keep), second, 10 * year},

        {"dead_letters.max_bytes",
         "Memory for dead letters in the store, where they can be handed over again. At the bound further "
         "ones stand on their topic only; what must keep the order of its key waits.",
         FIELD(dead_letters.max_bytes), 64 * kib, any_size},
        {"dead_letters.max_attempts", "How often a dead letter is handed over again.",
         FIELD(dead_letters.max_attempts), 1, million},

        {"traces.enabled",
         "Keep in memory what each request caused, over all topics whose messages commits owe: on, off, or "
         "auto, "
         "where the shop's order service runs. On Kafka each of those topics takes a client and is read "
         "whole.",
         FIELD(traces.enabled),
         0,
         0,
         {"auto", "on", "off"}},
        {"traces.keep", "How long.", FIELD(traces.keep), second, 24 * hour},
        {"traces.max_bytes", "Memory for that; what was seen first goes first.", FIELD(traces.max_bytes),
         64 * kib, any_size},

        {"idempotency.ttl", "How long the answer to a call with an Idempotency-Key is given again.",
         FIELD(idempotency.ttl), second, 10 * year},

        {"sse.heartbeat", "A comment is sent on a stream that was quiet for this long; kept to the second.",
         FIELD(sse.heartbeat), 1000, hour},
        {"sse.retry", "After a cut a browser waits about this long before it connects again.",
         FIELD(sse.retry), 10, hour},
        {"sse.outbox_bytes", "Bytes that may wait for one slow reader.", FIELD(sse.outbox_bytes), 4 * kib,
         gib},
        {"sse.outbox_frames",
         "Events that may wait for one slow reader; then a task's older progress gives way to its newer.",
         FIELD(sse.outbox_frames), 8, 1'000'000},
        {"sse.write_timeout", "A reader that takes nothing for this long is cut; it resumes where it was.",
         FIELD(sse.write_timeout), 100, hour},
        {"sse.max_streams", "Streams at once; further browsers are told to come back.",
         FIELD(sse.max_streams), 1, 10'000'000},
        {"sse.max_streams_per_user", "Streams at once for one user; 0: no bound.",
         FIELD(sse.max_streams_per_user), 0, 10'000'000},

        {"http.header_timeout", "The whole head of a request must arrive within this.",
         FIELD(http.header_timeout), 10, hour},
        {"http.body_timeout", "The whole body of a request must arrive within this.",
         FIELD(http.body_timeout), 10, hour},
        {"http.idle_timeout", "A connection without a request is closed after this.",
         FIELD(http.idle_timeout), 10, hour},
        {"http.max_request_line", "Longest request line; a longer one is answered 414.",
         FIELD(http.max_request_line), 64, kib * kib},
        {"http.max_header_bytes", "Most bytes of header fields; more are answered 431.",
         FIELD(http.max_header_bytes), 64, kib * kib},
        {"http.max_headers", "Most header fields; more are answered 431.", FIELD(http.max_headers), 1,
         10'000},
        {"http.max_body", "Longest body; a longer one is answered 413.", FIELD(http.max_body), 0, gib},
        {"http.max_pipelined", "Requests of one connection that may wait for their answers.",
         FIELD(http.max_pipelined), 1, 10'000},
        {"http.max_connections", "Connections at once; further ones are answered 503.",
         FIELD(http.max_connections), 1, 10'000'000},
        {"http.max_pending_bytes",
         "Bytes of requests that are not whole or answered yet and of pieces of TLS records, and as many of "
         "answers that their clients have not taken, over all connections; beyond: 503. 0: 64 MiB, or a "
         "sixteenth of what this process "
         "may use if that is less.",
         FIELD(http.max_pending_bytes), 0, any_size},
        {"http.hosts",
         "Names that the server answers under (the Host header, without port) beside localhost: "
         "[\"progress.shop.example\"]. Empty: any, or only localhost if it listens on a loopback address; "
         "others "
         "get 421. /healthz and /readyz answer under any.",
         FIELD(http.hosts),
         0,
         0,
         {},
         false,
         check_host},
        {"http.cors_origins",
         "Foreign origins whose pages may call, exactly as browsers send them: [\"https://shop.example\"].",
         FIELD(http.cors_origins),
         0,
         0,
         {},
         false,
         check_origin},
    };
}
#undef FIELD

}  // namespace

const std::vector<Key>& config_keys() {
    static const std::vector<Key> keys = [] {
        auto all = make_keys();
        auto shop = shop_keys();
        const auto behind_bank = std::ranges::find(all, "outbox.keep", &Key::name);
        all.insert(behind_bank, std::make_move_iterator(shop.begin()), std::make_move_iterator(shop.end()));
        return all;
    }();
    return keys;
}

const Key* find_key(std::string_view name) {
    const auto& keys = config_keys();
    const auto found = std::ranges::find(keys, name, &Key::name);
    return found == keys.end() ? nullptr : &*found;
}

std::string_view nearest_key(std::string_view name) {
    // A key written without its section, or in a wrong one, is nearest to the key of that last part.
    const auto last = [](std::string_view key) { return key.substr(key.rfind('.') + 1); };
    const auto distance = [&](const Key& key) {
        return std::min(2 * edit_distance(name, key.name), 2 * edit_distance(last(name), last(key.name)) + 1);
    };
    const auto& nearest = std::ranges::min(config_keys(), {}, distance);
    const auto& of_webhooks = std::ranges::min(webhook_keys(), {}, distance);
    return distance(of_webhooks) < distance(nearest) ? of_webhooks.name : nearest.name;
}

}  // namespace stepcast::app

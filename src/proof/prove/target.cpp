#include "proof/prove/target.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "client/errc.hpp"
#include "proof/prove/process.hpp"

namespace stepcast::proof {
namespace {

constexpr auto nchan_config = R"({user}
load_module {module};
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 30000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_buffer_size 64k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location ~ ^/pub/(.+)$ {{
            nchan_publisher;
            nchan_channel_id $1;
            nchan_message_buffer_length 1000;
            nchan_message_timeout 1h;
        }}
        location ~ ^/sub/(.+)$ {{
            nchan_subscriber eventsource;
            nchan_channel_id $1;
            nchan_subscriber_first_message oldest;
        }}
    }}
}}
)";

tl::unexpected<Error> unusable(std::string field, std::string detail) {
    return fail(std::make_error_code(std::errc::invalid_argument), std::move(field), std::move(detail));
}

client::Url local(std::uint16_t port) {
    client::Url url;
    url.host = "127.0.0.1";
    url.port = port;
    return url;
}

ProveTarget on_port(std::string name, std::uint16_t port) {
    ProveTarget target;
    target.name = std::move(name);
    target.streams = target.posts = local(port);
    return target;
}

std::vector<std::string> stepcast_settings(const ProveOptions& options, const std::string& folder,
                                           std::uint16_t port, const std::string& token) {
    std::vector<std::string> out{fmt::format("server.port={}", port), "server.host=127.0.0.1",
                                 "log.level=warn", "orders.enabled=false", "sse.retry=1s",
                                 // Small, so that stalled readers are thinned within seconds.
                                 "sse.outbox_bytes=16KiB", "sse.outbox_frames=64",
                                 "store.cleanup_interval=1s"};
    if (!options.memory) {
        out.push_back("store.path=" + folder + "/journal.db");
        out.push_back(fmt::format("store.journal_max_bytes={}B", journal_bound(options)));
    }
    if (!options.kafka.empty()) {
        out.emplace_back("bus.kind=kafka");
        out.push_back("kafka.brokers=" + options.kafka);
        out.push_back("kafka.topic_prefix=" + topic_prefix(options, token));
    }
    out.insert(out.end(), options.sets.begin(), options.sets.end());
    return out;
}

/// What is asked of every Stepcast.
void speak_stepcast(ProveTarget& target, bool keeps) {
    target.subscribe = "/api/v2/progress/subscribe?userId={user}";
    target.publish = "/api/v2/progress/events";
    target.ready = "/readyz";
    target.stepcast = true;
    target.keeps = keeps;
}

result<ProveTarget> make_attached(const ProveOptions& options) {
    const auto url = client::parse_url(options.attach);
    if (!url) return unusable("attach", "'" + options.attach + "': " + url.error().detail);
    ProveTarget target;
    target.name = "stepcast";
    target.streams = target.posts = *url;
    speak_stepcast(target, !options.memory);
    return target;
}

result<ProveTarget> make_stepcast(const ProveOptions& options, const std::string& folder, std::uint16_t port,
                                  const std::string& token) {
    std::error_code error;
    const auto binary = std::filesystem::read_symlink("/proc/self/exe", error).string();
    if (error) return fail(error, {}, "/proc/self/exe: " + error.message());
    auto target = on_port("stepcast", port);
    target.command = {binary, "serve"};
    for (auto& setting : stepcast_settings(options, folder, port, token)) {
        target.command.emplace_back("--set");
        target.command.push_back(std::move(setting));
    }
    speak_stepcast(target, !options.memory || !options.kafka.empty());
    return target;
}

result<ProveTarget> make_nchan(const std::string& folder, std::uint16_t port) {
    constexpr auto module = "/usr/lib/nginx/modules/ngx_nchan_module.so";
    const auto nginx = find_command("nginx", {"/usr/sbin"});
    if (nginx.empty() || access(module, R_OK) != 0)
        return unusable("target", "nchan needs the packages nginx and libnginx-mod-nchan");
    const auto config = folder + "/nginx.conf";
    std::ofstream{config} << fmt::format(
        fmt::runtime(nchan_config), fmt::arg("user", geteuid() == 0 ? "user root;" : ""),
        fmt::arg("module", module), fmt::arg("folder", folder), fmt::arg("port", port));
    auto target = on_port("nchan", port);
    target.command = {nginx, "-p", folder, "-c", config, "-e", folder + "/error.log"};
    target.subscribe = "/sub/{user}";
    target.publish = "/pub/{user}";
    return target;
}

result<ProveTarget> make_node(const ProveOptions& options, std::uint16_t port) {
    const auto node = find_command("node", {});
    if (node.empty()) return unusable("target", "node is not installed");
    std::error_code error;
    const auto hub = std::filesystem::canonical(options.hub, error).string();
    if (error)
        return unusable("hub", options.hub + " is not there: run this in the repository, or give --hub");
    auto target = on_port("node", port);
    target.command = {node, hub, std::to_string(port)};
    target.subscribe = "/subscribe?userId={user}";
    target.publish = "/publish?userId={user}";
    return target;
}

result<ProveTarget> make_foreign(const ProveOptions& options) {
    if (!options.target.starts_with("http://"))
        return unusable("target", "'" + options.target + "' is neither stepcast, nchan, node nor http://…");
    const auto streams = client::parse_url(options.target);
    if (!streams) return tl::unexpected<Error>(streams.error());
    if (streams->target.find("{user}") == std::string::npos)
        return unusable("target", "the URL of the streams must name the user by {user}");
    const auto posts = client::parse_url(options.publish);
    if (!posts)
        return unusable("publish", "a URL as target needs the URL to publish to: " + posts.error().detail);
    if (options.body.find("{data") == std::string::npos)
        return unusable("body", "the body must hold {data} or {data_url}");
    ProveTarget target;
    target.name = options.target;
    target.streams = *streams;
    target.posts = *posts;
    target.subscribe = streams->target;
    target.publish = posts->target;
    target.body = options.body;
    target.content_type = options.content_type;
    for (const auto& header : options.headers) {
        if (header.find(':') == header.npos || header.find_first_of("\r\n") != header.npos)
            return unusable("header", "'" + header + "' is not of the form \"Name: value\"");
        target.headers += header + "\r\n";
    }
    return target;
}

}  // namespace

std::string topic_prefix(const ProveOptions& options, const std::string& token) {
    return options.kafka.empty() ? std::string{} : "prove-" + token + "-";
}

std::uint64_t journal_bound(const ProveOptions& options) {
    constexpr std::uint64_t least = 3ULL * 1024 * 1024;
    constexpr std::uint64_t bytes_an_event = 450;  // a journalled one takes about 700
    return least + std::uint64_t{options.seconds} * options.rate * bytes_an_event;
}

result<ProveTarget> make_target(const ProveOptions& options, const std::string& folder, std::uint16_t port,
                                const std::string& token) {
    if (!options.attach.empty()) {
        if (options.target == "stepcast") return make_attached(options);
        return unusable("attach", "only a Stepcast can be attached to, not " + options.target);
    }
    if (options.target == "stepcast") return make_stepcast(options, folder, port, token);
    if (!options.kafka.empty()) return unusable("kafka", "only Stepcast reads from Kafka");
    if (options.target == "nchan") return make_nchan(folder, port);
    if (options.target == "node") return make_node(options, port);
    return make_foreign(options);
}

}  // namespace stepcast::proof

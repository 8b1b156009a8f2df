#include "app/config/config.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "app/config/check.hpp"
#include "app/config/keys.hpp"

namespace stepcast::app {
namespace {

using namespace std::chrono_literals;
using testing::Test;

/// A settings file that goes away with the test.
class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& text) {
        std::string pattern = std::filesystem::temp_directory_path() / "stepcast-config-XXXXXX";
        const int fd = mkstemp(pattern.data());
        EXPECT_GE(fd, 0);
        close(fd);
        path_ = pattern;
        std::ofstream{path_} << text;
    }
    ~TemporaryFile() { std::filesystem::remove(path_); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

Config loaded(const ConfigSources& sources) {
    auto config = load_config(sources);
    EXPECT_TRUE(config.has_value()) << config.error();
    return config.value_or(Config{});
}

std::string refused(const ConfigSources& sources) {
    const auto config = load_config(sources);
    EXPECT_FALSE(config.has_value());
    return config ? "" : config.error();
}

std::string refused_file(const std::string& text) {
    const TemporaryFile file{text};
    std::string problem = refused({.file = file.path()});
    if (problem.starts_with(file.path())) problem.replace(0, file.path().size(), "FILE");
    return problem;
}

TEST(Config, without_sources_the_defaults_hold_and_the_machine_fills_the_rest) {
    const Config config = loaded({});
    EXPECT_EQ(config.server.host, "127.0.0.1");
    EXPECT_EQ(config.server.port, 8082);
    EXPECT_EQ(config.store.ttl, 24h);
    EXPECT_EQ(config.sse.outbox_bytes, 256u * 1024);
    EXPECT_GE(config.server.threads, 1);
    EXPECT_GT(config.store.max_bytes, 1u << 20);
}

TEST(Config, every_default_lies_in_its_own_range) {
    ConfigSources sources;
    Config defaults;
    for (const Key& key : config_keys())
        sources.sets.push_back(std::string{key.name} + "=" + format_value(key.field(defaults)));
    Config::Webhook webhook;
    webhook.url = "https://a.example";
    webhook.secret_file = "/s";
    for (const Key& key : webhook_keys())
        sources.sets.push_back("webhooks.a." + std::string{key.name.substr(key.name.rfind('.') + 1)} + "=" +
                               format_value(key.of_webhook(webhook)));
    sources.sets.push_back("store.path=/j");
    EXPECT_TRUE(load_config(sources).has_value()) << load_config(sources).error();
}

TEST(Config, names_are_unique) {
    std::set<std::string_view> names;
    for (const auto* rows : {&config_keys(), &webhook_keys()})
        for (const Key& key : *rows) EXPECT_TRUE(names.insert(key.name).second) << key.name;
}

TEST(Config, the_trees_config_toml_is_what_the_table_prints) {
    std::ifstream in{std::string{SOURCE_DIR} + "/config.toml"};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    EXPECT_EQ(text, print_config(Config{}, true))
        << "make it anew: stepcast check-config --defaults > config.toml";
}

TEST(Config, what_is_printed_reads_back_the_same) {
    Config config = loaded({.sets = {"http.cors_origins=[\"https://a.example\", \"https://b.example\"]",
                                     "log.level=debug", "kafka.properties.sasl.username=\"a \\\"b\\\"\\\\\"",
                                     "orders.enabled=false", "sse.retry=1500ms"}});
    const std::string printed = print_config(config, false);
    const TemporaryFile file{printed};
    EXPECT_EQ(print_config(loaded({.file = file.path()}), false), printed);
}

TEST(Config, secrets_are_not_printed) {
    const Config config =
        loaded({.sets = {"kafka.properties.sasl.password=hush", "kafka.properties.ssl.key.password=hush",
                         "kafka.properties.ssl.keystore.password=hush", "kafka.properties.ssl.key.pem=hush",
                         "kafka.properties.sasl.username=ada"}});
    const std::string printed = print_config(config, false);
    EXPECT_TRUE(is_secret_property("sasl.oauthbearer.client.secret"));
    EXPECT_EQ(printed.find("hush"), std::string::npos) << printed;
    EXPECT_NE(printed.find("\"sasl.password\" = \"***\""), std::string::npos);
    EXPECT_NE(printed.find("\"sasl.username\" = \"ada\""), std::string::npos);
}

TEST(Config, webhooks_have_names_of_the_users_choosing_wherever_settings_come_from) {
    const TemporaryFile file{
        "[webhooks.shop]\nurl = \"https://shop.example/a\"\nevents = [\"FAILED\"]\nretry = \"1s\"\n"};
    const ConfigSources sources{
        .file = file.path(),
        .environment = {{"STEPCAST_WEBHOOKS__SHOP__SECRET_FILE", "/run/shop"},
                        {"STEPCAST_WEBHOOKS__B_2__URL", "http://b.example"}},
        .sets = {"webhooks.shop.max_attempts=3", "webhooks.b_2.secret_file=/run/b", "store.path=/j"}};
    const Config config = loaded(sources);
    ASSERT_EQ(config.webhooks.size(), 2u);
    const auto& shop = config.webhooks.at("shop");
    EXPECT_EQ(shop.url, "https://shop.example/a");
    EXPECT_EQ(shop.events, std::vector<std::string>{"FAILED"});
    EXPECT_EQ(std::tuple(shop.secret_file, shop.retry, shop.max_attempts), std::tuple("/run/shop", 1s, 3));
    EXPECT_EQ(config.webhooks.at("b_2").url, "http://b.example");
    EXPECT_EQ(config.webhooks.at("b_2").events.size(), 3u);
    for (const bool comments : {false, true}) {
        const TemporaryFile printed{print_config(config, comments)};
        EXPECT_EQ(print_config(loaded({.file = printed.path()}), comments), print_config(config, comments));
    }
}

TEST(Config, what_makes_no_webhook_is_named) {
    const std::string fine = "[store]\npath = \"/j\"\n[webhooks.a]\nsecret_file = \"/s\"\n";
    EXPECT_EQ(refused_file("[webhooks.a]\n"), "webhooks.a.url: is not set");
    EXPECT_EQ(refused_file("[webhooks.a]\nurl = \"https://a.example\"\n"),
              "webhooks.a.secret_file: is not set, and nothing is sent without a signature");
    EXPECT_EQ(refused_file("[webhooks.a]\nurl = \"https://a.example\"\nsecret_file = \"/s\"\n"),
              "webhooks.a: what is owed to a receiver has to outlive a restart; store.path is not set");
    EXPECT_EQ(refused_file(fine + "url = \"https://a.example\"\nretry_max = \"1s\"\n"),
              "webhooks.a.retry: is longer than its retry_max");
    EXPECT_EQ(refused_file(fine + "url = \"https://a.example\"\nevents = []\n"),
              "webhooks.a.events: names none, so nothing would be sent");
    for (const std::string host : {"127.0.0.1:80", "[::1]", "10.0.0.1", "169.254.169.254"})
        EXPECT_NE(refused_file(fine + "url = \"http://" + host + "/x\"\n").find("is no public address"),
                  std::string::npos)
            << host;
    loaded({.sets = {"store.path=/j", "webhooks.a.url=http://127.0.0.1/x", "webhooks.a.secret_file=/s",
                     "webhooks.a.allow_private=true"}});
    EXPECT_NE(refused_file(fine + "url = \"ftp://a.example\"\n").find("FILE:5: webhooks.a.url must be a URL"),
              std::string::npos);
    EXPECT_NE(refused_file(fine + "url = \"https://a.example\"\nevents = [\"PROGRESS\"]\n")
                  .find("must hold COMPLETED, FAILED and STALLED only, not \"PROGRESS\""),
              std::string::npos);
    EXPECT_NE(refused_file(fine + "urll = \"\"\n").find("the nearest known key is webhooks.NAME.url"),
              std::string::npos);
    for (const std::string name : {"Shop", "a.b", "a__b", "가"})
        EXPECT_NE(refused_file("[webhooks.\"" + name + "\"]\nurl = \"x\"\n").find("webhooks."),
                  std::string::npos);
    EXPECT_NE(refused_file("[webhooks.Shop]\nurl = \"x\"\n").find("the name of a webhook is 1 to 32 of a-z"),
              std::string::npos);
    EXPECT_NE(refused({.sets = {"webhooks.a=1"}}).find("webhooks.a is a section, not a key"),
              std::string::npos);
}

TEST(Config, set_beats_environment_beats_file_beats_default) {
    const TemporaryFile file{"[server]\nport = 1\nhost = \"file\"\ndrain = \"1s\"\n"};
    const Config config =
        loaded({.file = file.path(),
                .environment = {{"STEPCAST_SERVER__PORT", "2"}, {"STEPCAST_SERVER__HOST", "env"}},
                .sets = {"server.port=3"}});
    EXPECT_EQ(config.server.port, 3);
    EXPECT_EQ(config.server.host, "env");
    EXPECT_EQ(config.server.drain, 1s);
    EXPECT_EQ(config.orders.step_delay, 1s);
}

TEST(Config, set_takes_toml_or_else_bare_text) {
    const Config config =
        loaded({.sets = {"orders.step_delay=30ms", "store.ttl=\"2h\"", "store.max_bytes=64MiB",
                         "kafka.brokers=a:1,b:2", "orders.enabled=false", "http.max_body=1024"}});
    EXPECT_EQ(config.orders.step_delay, 30ms);
    EXPECT_EQ(config.store.ttl, 2h);
    EXPECT_EQ(config.store.max_bytes, 64u << 20);
    EXPECT_EQ(config.kafka.brokers, "a:1,b:2");
    EXPECT_FALSE(config.orders.enabled);
    EXPECT_EQ(config.http.max_body, 1024u);
}

TEST(Config, text_stays_text_where_toml_would_change_its_type) {
    for (const char* typed : {"2024-01-01", "1e5", "true", "007", "10.0.0.1"}) {
        EXPECT_EQ(loaded({.sets = {std::string{"server.host="} + typed}}).server.host, typed);
        EXPECT_EQ(loaded({.environment = {{"STEPCAST_SERVER__HOST", typed}}}).server.host, typed);
    }
    EXPECT_EQ(loaded({.sets = {"server.host='quoted'"}}).server.host, "quoted");
}

TEST(Config, a_value_cannot_smuggle_in_a_second_setting) {
    EXPECT_NE(refused({.sets = {"server.port=1\nx = 2"}}), "");
}

TEST(Config, librdkafka_properties_pass_through_by_their_dotted_names) {
    const TemporaryFile file{
        "[kafka.properties]\n"
        "security.protocol = \"SSL\"\n"
        "\"sasl.username\" = \"me\"\n"
        "queued.max.messages.kbytes = 1024\n"
        "enable.ssl.certificate.verification = false\n"
        "client.id = 2024-01-01\n"};
    const Config config = loaded({.file = file.path(),
                                  .environment = {{"STEPCAST_KAFKA__PROPERTIES__CLIENT__RACK", "r1"}},
                                  .sets = {"kafka.properties.sasl.username=you"}});
    const std::map<std::string, std::string> expected{{"security.protocol", "SSL"},
                                                      {"sasl.username", "you"},
                                                      {"queued.max.messages.kbytes", "1024"},
                                                      {"enable.ssl.certificate.verification", "false"},
                                                      {"client.id", "2024-01-01"},
                                                      {"client.rack", "r1"}};
    EXPECT_EQ(config.kafka.properties, expected);
}

TEST(Config, an_unknown_key_is_refused_with_file_line_and_nearest_key) {
    EXPECT_EQ(refused_file("[server]\nport = 1\nhst = \"x\"\n"),
              "FILE:3: unknown key server.hst; the nearest known key is server.host");
    EXPECT_EQ(refused_file("port = 1\n"), "FILE:1: unknown key port; the nearest known key is server.port");
    EXPECT_EQ(refused_file("[sever]\nport = 1\n"),
              "FILE:2: unknown key sever.port; the nearest known key is server.port");
    EXPECT_EQ(refused({.sets = {"orders.step_dely=1s"}}),
              "--set: unknown key orders.step_dely; the nearest known key is orders.step_delay");
}

TEST(Config, a_key_that_would_do_nothing_is_refused) {
    EXPECT_EQ(refused({.sets = {"auth.demo=true"}}),
              "auth.demo: it makes tokens for auth.mode = \"jwt\", which is not set");
    EXPECT_EQ(refused({.sets = {"server.hsts=1d"}}),
              "server.hsts: it is for server.tls_cert or server.proxy_header, which are not set");
    EXPECT_EQ(
        refused({.sets = {"shop.enabled=true", "shop.services=[\"order\", \"payment\"]"}}),
        "shop.services: on the embedded bus only this process hears what they tell each other, so the others "
        "must run here, too; bus.kind = \"kafka\" lets them run elsewhere");
    EXPECT_EQ(refused({.sets = {"shop.enabled=true", "shop.services=[]"}}),
              "shop.services: names none, so nothing would be served");
    EXPECT_EQ(
        refused({.sets = {"shop.enabled=true", "bus.kind=kafka"}}),
        "shop.enabled: what a service has heard from kafka is not told again, so what came of it has to "
        "outlive a restart; store.path is not set");
    for (const std::string one : {"server.proxy_header=forwarded", "server.trusted_proxies=[\"::1\"]"})
        EXPECT_EQ(refused({.sets = {one}}),
                  "server.proxy_header and server.trusted_proxies: one is of no use without the other");
    EXPECT_EQ(loaded({.sets = {"server.proxy_header=x-forwarded-for", "server.trusted_proxies=[\"unix\"]",
                               "server.hsts=1d"}})
                  .server.trusted_proxies,
              std::vector<std::string>{"unix"});
}

TEST(Config, a_section_used_as_a_key_is_told_its_keys) {
    EXPECT_EQ(refused_file("broadcast = 1\n"),
              "FILE:1: broadcast is a section, not a key; the nearest known keys are broadcast.ring_size");
    EXPECT_EQ(
        refused({.sets = {"log=debug"}}),
        "--set: log is a section, not a key; the nearest known keys are log.level, log.format, log.access");
    EXPECT_EQ(refused_file("[kafka]\nproperties = \"x\"\n"),
              "FILE:2: kafka.properties is a section, not a key; the nearest known keys are "
              "kafka.properties.security.protocol");
}

TEST(Config, a_host_is_an_address_or_has_the_form_of_a_name) {
    for (const char* good : {"127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1", "localhost",
                             "my-host_1.example.com", "a.b.", "007", "xn--9n2bp8q.kr"})
        EXPECT_EQ(check_host(good), "") << good;
    for (const char* bad : {"256.0.0.1", "10.0.0", "localhost:80", "http://x", "[::1]", "a b", "a..b", "-a",
                            "a-.b", "노트북", "x/y", ":::", "."})
        EXPECT_NE(check_host(bad), "") << bad;
    EXPECT_NE(check_host(std::string(64, 'x')), "");
    EXPECT_EQ(
        refused_file("[server]\nhost = \"127.0.0.1:80\"\n"),
        "FILE:2: server.host must be an IP address or a host name, without a port, not \"127.0.0.1:80\"");
}

TEST(Config, an_origin_is_written_as_browsers_send_it) {
    for (const char* good :
         {"https://shop.example", "http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]:3000",
          "http://[::1]", "https://shop.example:80", "capacitor://localhost", "chrome-extension://abcdef"})
        EXPECT_EQ(check_origin(good), "") << good;
    for (const char* bad : {"*",
                            "null",
                            "",
                            "shop.example",
                            "https://shop.example/",
                            "https://shop.example/a",
                            "https://*.example",
                            "https://",
                            "https://a:0",
                            "https://a:65536",
                            "https://a:x",
                            "https://a:080",
                            "https://a:",
                            "https://a@b",
                            "HTTPS://a.example",
                            "https://A.example",
                            "https://a.example?x",
                            "https://a.example:443",
                            "http://a.example:80",
                            "http://::1",
                            "http://[1.2.3.4]",
                            "http://256.1.1.1",
                            "://a",
                            "ht tp://a"})
        EXPECT_NE(check_origin(bad), "") << bad;
    EXPECT_NE(refused({.sets = {"http.cors_origins=[\"https://a.example\", \"*\"]"}}).find("not \"*\""),
              std::string::npos);
}

TEST(Config, librdkafka_judges_its_properties) {
    EXPECT_EQ(
        refused_file("[kafka.properties]\nclient.id = \"x\"\nsecurity.protokol = \"SSL\"\n"),
        "FILE:3: kafka.properties.security.protokol: No such configuration property: \"security.protokol\"");
    const std::string value = refused({.sets = {"kafka.properties.security.protocol=plaintext?"}});
    EXPECT_TRUE(value.starts_with("--set: kafka.properties.security.protocol: Invalid value")) << value;
    EXPECT_EQ(refused({.environment = {{"STEPCAST_KAFKA__PROPERTIES__ACKS", "0"}}}),
              "STEPCAST_KAFKA__PROPERTIES__ACKS: kafka.properties.acks: is set by Stepcast itself");
}

TEST(Config, an_unknown_variable_is_refused_and_others_are_left_alone) {
    EXPECT_EQ(refused({.environment = {{"STEPCAST_SERVER__PROT", "1"}}}),
              "STEPCAST_SERVER__PROT: unknown key server.prot; the nearest known key is server.port");
    loaded({.environment = {{"STEPCAST_CONFIG", "x"}, {"PATH", "y"}, {"OTHER__THING", "z"}}});
}

TEST(Config, a_bad_value_is_refused_with_what_was_expected) {
    EXPECT_EQ(refused_file("[server]\nport = 65536\n"),
              "FILE:2: server.port must be a whole number from 0 to 65535");
    EXPECT_EQ(refused_file("[server]\n\nport = \"8082\"\n"),
              "FILE:3: server.port must be a whole number from 0 to 65535");
    EXPECT_EQ(refused_file("[bus]\nkind = \"rabbit\"\n"),
              "FILE:2: bus.kind must be one of embedded, kafka, not \"rabbit\"");
    EXPECT_EQ(refused_file("[orders]\nenabled = 1\n"), "FILE:2: orders.enabled must be true or false");
    EXPECT_EQ(refused({.sets = {"broadcast.ring_size=1000"}}),
              "--set: broadcast.ring_size must be a power of two");
    EXPECT_EQ(loaded({.sets = {"sse.heartbeat=1s"}}).sse.heartbeat, std::chrono::seconds{1});
    EXPECT_NE(refused({.sets = {"sse.heartbeat=999ms"}}), "") << "it is kept to the second";
    for (const char* bad : {"30", "-1s", "1.5h", "\"soon\"", "2h"})
        EXPECT_NE(refused({.sets = {std::string{"orders.step_delay="} + bad}}), "") << bad;
    for (const char* bad : {"-1", "1.5", "12XB", "true"})
        EXPECT_NE(refused({.sets = {std::string{"http.max_body="} + bad}}), "") << bad;
    for (const char* bad : {"x", "[1]", "true"})
        EXPECT_NE(refused({.sets = {std::string{"http.cors_origins="} + bad}}), "") << bad;
}

TEST(Config, every_problem_is_told_at_once) {
    const std::string problems = refused({.sets = {"server.port=x", "a.b=1", "nonsense"}});
    EXPECT_EQ(std::ranges::count(problems, '\n'), 2);
}

TEST(Config, a_file_that_is_no_toml_names_the_line) {
    EXPECT_TRUE(refused_file("[server]\nport = \n").starts_with("FILE:2: "))
        << refused_file("[server]\nport = \n");
    EXPECT_EQ(refused({.file = "/nowhere/config.toml"}), "/nowhere/config.toml: cannot be read");
}

TEST(Config, a_secret_may_come_from_a_file_named_by_a_variable) {
    const TemporaryFile secret{"s3cret\n"};
    const Config config =
        loaded({.environment = {{"STEPCAST_KAFKA__PROPERTIES__SASL__PASSWORD_FILE", secret.path()}}});
    EXPECT_EQ(config.kafka.properties.at("sasl.password"), "s3cret");
    EXPECT_EQ(refused({.environment = {{"STEPCAST_LOG__LEVEL_FILE", secret.path()},
                                       {"STEPCAST_LOG__LEVEL", "info"}}}),
              "STEPCAST_LOG__LEVEL and STEPCAST_LOG__LEVEL_FILE are both set; which one holds?");
    EXPECT_EQ(refused({.environment = {{"STEPCAST_SERVER__HOST_FILE", "/nowhere"}}}),
              "STEPCAST_SERVER__HOST_FILE: /nowhere cannot be read");
}

}  // namespace
}  // namespace stepcast::app

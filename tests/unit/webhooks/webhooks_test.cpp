#include <gtest/gtest.h>

#include "domain/webhooks/addresses.hpp"
#include "domain/webhooks/queue.hpp"
#include "domain/webhooks/signature.hpp"

namespace stepcast::webhooks {
namespace {

using namespace std::chrono_literals;

constexpr const char* spec_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* spec_signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

TEST(Signature, is_that_of_the_specifications_example) {
    const auto secrets = Secrets::parse(spec_secret);
    ASSERT_TRUE(secrets);
    EXPECT_EQ(secrets->sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
              spec_signature);
}

TEST(Signature, of_several_secrets_each_signs_in_their_order) {
    const auto secrets =
        Secrets::parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\r\n\n " + std::string{spec_secret});
    ASSERT_TRUE(secrets);
    const auto signature =
        secrets->sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})");
    EXPECT_TRUE(signature.starts_with("v1,")) << signature;
    EXPECT_TRUE(signature.ends_with(std::string{" "} + spec_signature)) << signature;
}

TEST(Signature, what_is_no_secret_is_refused_without_being_shown) {
    for (const std::string text :
         {"", "\n", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_",
          "whsec_c2hvcnQ=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_w",
          "whsec_MfKQ9r8G=YqrTwjUPD8ILPZIo2LaLaSw"}) {
        const auto secrets = Secrets::parse(text);
        ASSERT_FALSE(secrets) << text;
        EXPECT_EQ(secrets.error().detail.find("MfKQ"), std::string::npos);
    }
    EXPECT_FALSE(Secrets::parse("whsec_" + std::string(88, 'A')));  // 66 bytes
    EXPECT_TRUE(Secrets::parse("whsec_" + std::string(84, 'A')));   // 63
    EXPECT_FALSE(Secrets::read("/nowhere/at/all"));
    EXPECT_FALSE(Secrets::read("/"));
}

TEST(Addresses, only_those_of_the_public_internet_are_public) {
    for (const char* text : {"0.0.0.0",       "10.1.2.3",        "100.64.0.1",
                             "127.0.0.1",     "127.255.0.9",     "169.254.169.254",
                             "172.16.0.1",    "172.31.255.255",  "192.0.0.1",
                             "192.0.2.1",     "192.168.1.1",     "198.18.0.1",
                             "198.51.100.7",  "203.0.113.5",     "224.0.0.1",
                             "240.0.0.1",     "255.255.255.255", "::",
                             "::1",           "::ffff:10.0.0.1", "::ffff:127.0.0.1",
                             "::127.0.0.1",   "64:ff9b::a00:1",  "64:ff9b:1::1",
                             "100::1",        "2001::1",         "2001:db8::1",
                             "2002:a00:1::1", "3fff::1",         "5f00::1",
                             "fc00::1",       "fd12::1",         "fe80::1",
                             "fec0::1",       "ff02::1"})
        EXPECT_FALSE(is_public(asio::ip::make_address(text))) << text;
    for (const char* text : {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
                             "172.15.0.1", "172.32.0.1", "192.167.1.1", "223.255.255.255", "::ffff:8.8.8.8",
                             "64:ff9b::808:808", "2606:4700::1111", "2a00:1450::1"})
        EXPECT_TRUE(is_public(asio::ip::make_address(text))) << text;
}

Timestamp at(int seconds) {
    return Timestamp{std::chrono::seconds{seconds}};
}

Delivery owed(std::string task, event::Position position, int due) {
    return {.task = std::move(task),
            .version = position,
            .position = position,
            .event = "COMPLETED",
            .due = at(due)};
}

TEST(Queue, of_a_task_one_is_under_way_at_a_time_in_the_order_of_the_store) {
    Queue queue;
    queue.add(owed("a", 7, 0));
    queue.add(owed("a", 3, 0));
    queue.add(owed("a", 3, 0));  // again
    queue.add(owed("b", 5, 1));
    EXPECT_EQ(queue.size(), 3u);
    const auto* first = queue.take(at(1));
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->position, 3u);
    queue.add(owed("a", 1, 0));  // what is under way stays first
    EXPECT_EQ(queue.take(at(1))->task, "b");
    EXPECT_EQ(queue.take(at(1)), nullptr);
    EXPECT_EQ(queue.next_due(), std::nullopt);
    queue.put_back("a", 1, at(9));
    EXPECT_EQ(queue.next_due(), at(9));
    EXPECT_EQ(queue.take(at(8)), nullptr);
    first = queue.take(at(9));
    EXPECT_EQ(std::pair(first->position, first->attempts), std::pair(event::Position{3}, 1u));
    queue.remove("a");
    EXPECT_EQ(queue.take(at(9))->position, 1u);
    queue.remove("a");
    EXPECT_EQ(queue.take(at(9))->position, 7u);
    queue.remove("a");
    queue.remove("b");
    EXPECT_EQ(std::pair(queue.size(), queue.bytes()), std::pair(std::size_t{0}, std::uint64_t{0}));
}

TEST(Delivery, outlives_the_process_as_it_was) {
    auto delivery = owed("작업 1:x", 7, 12);
    delivery.body = "{\"a\":\"\\n\"}";
    delivery.attempts = 3;
    EXPECT_EQ(delivery.id(), "%EC%9E%91%EC%97%85%201%3Ax:7:COMPLETED");
    const auto timer = timer_of("shop", delivery);
    EXPECT_EQ(timer.id, "webhook shop " + delivery.id());
    EXPECT_GT(timer.due, at(12) + 24h * 365);
    const auto back = read_delivery(timer);
    ASSERT_TRUE(back);
    EXPECT_EQ(timer_of("shop", *back).payload, timer.payload);
    EXPECT_EQ(std::tuple(back->task, back->attempts, back->due, back->body),
              std::tuple(delivery.task, 3u, at(12), delivery.body));
    EXPECT_FALSE(read_delivery({"x", {}, "webhook shop", "{}"}));
}

}  // namespace
}  // namespace stepcast::webhooks

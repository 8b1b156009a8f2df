#include "client/lookup.hpp"

#include <future>
#include <tuple>

#include "client/connection.hpp"
#include "client/errc.hpp"
#include "unit/client/script_server.hpp"

namespace stepcast::client {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

/// A name server that answers once it is let.
struct Silent {
    std::promise<void> answer;
    std::shared_future<void> answered = answer.get_future().share();
    std::shared_ptr<std::atomic<int>> asked = std::make_shared<std::atomic<int>>(0);

    Lookup::Find find() const {
        return [answered = answered, asked = asked](const std::string&, std::uint16_t port) {
            ++*asked;
            answered.wait();
            return result<Lookup::Endpoints>{{tcp::endpoint{asio::ip::address_v4::loopback(), port}}};
        };
    }
};

TEST(LookupTest, only_addresses_that_are_allowed_are_connected_to) {
    asio::io_context context;
    ScriptServer server{context, {{"hello"}}};
    const auto found = [](const std::string&, std::uint16_t port) -> result<Lookup::Endpoints> {
        return {{tcp::endpoint{asio::ip::make_address("127.0.0.2"), port},
                 tcp::endpoint{asio::ip::address_v4::loopback(), port}}};
    };
    const Allows none = [](const asio::ip::address&) { return false; };
    const Allows first = [](const asio::ip::address& address) {
        return address == asio::ip::address_v4::loopback();
    };
    run_to_end(context, [&]() -> aio::awaitable<void> {
        auto url = server.url();
        for (const char* host : {"name.example", "127.0.0.1"}) {
            url.host = host;
            Connection refused{context.get_executor(), nullptr, found, none};
            const auto opened = co_await refused.open(url, 10s);
            EXPECT_FALSE(opened);
            EXPECT_EQ(opened.error().code, errc::forbidden);
            Connection judged{context.get_executor(), nullptr, found, first};
            EXPECT_TRUE(co_await judged.open(url, 10s)) << host;
        }
    });
}

TEST(LookupTest, a_name_server_that_does_not_answer_holds_nobody_beyond_the_limit) {
    asio::io_context context;
    Silent silent;
    ScriptServer server{context, {{"hello"}}};
    run_to_end(context, [&]() -> aio::awaitable<void> {
        Connection connection{context.get_executor(), nullptr, silent.find()};
        auto url = server.url();
        url.host = "name.example";
        for (int i = 0; i < 3; ++i) {
            const auto opened = co_await connection.open(url, 20ms);
            EXPECT_FALSE(opened);
            EXPECT_EQ(opened.error().code, errc::timed_out);
            EXPECT_EQ(opened.error().detail, "name.example could not be resolved in time");
        }
        EXPECT_EQ(*silent.asked, 1) << "one thread, however often it is tried";
        silent.answer.set_value();
        EXPECT_TRUE(co_await connection.open(url, 10s)) << "and what it finds in the end is used";
    });
}

TEST(LookupTest, who_is_closed_meanwhile_fails_at_once_and_leaves_the_thread_alone) {
    Silent silent;
    {
        asio::io_context context;
        Connection connection{context.get_executor(), nullptr, silent.find()};
        run_to_end(context, [&]() -> aio::awaitable<void> {
            asio::post(context, [&] { connection.close(); });
            EXPECT_FALSE(co_await connection.open({"name.example", 1, "/"}, 1h));
        });
    }
    {
        asio::io_context context;  // and one whose frame is destroyed while it waits
        Lookup lookup{context.get_executor(), silent.find()};
        aio::spawn(context.get_executor(), "test", [&]() -> aio::awaitable<void> {
            std::ignore = co_await lookup.find("name.example", 1, Clock::now() + 1h);
        });
        context.poll();
    }
    silent.answer.set_value();
}

TEST(LookupTest, an_address_needs_no_look_and_an_unknown_name_is_named) {
    asio::io_context context;
    Silent silent;
    run_to_end(context, [&]() -> aio::awaitable<void> {
        Lookup none{context.get_executor(), silent.find()};
        for (const auto* address : {"127.0.0.1", "::1"}) {
            const auto found = co_await none.find(address, 7, Clock::now());
            EXPECT_EQ(found.value().at(0), tcp::endpoint(asio::ip::make_address(address), 7));
        }
        EXPECT_EQ(*silent.asked, 0);
        Lookup system{context.get_executor()};
        EXPECT_EQ((co_await system.find("localhost", 7, Clock::now() + 10s)).value().at(0).port(), 7);
    });
    const std::string no_name(300, 'x');  // which nobody has to be asked for
    const auto unknown = Lookup::find_by_system(no_name, 1);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, errc::unreachable);
    EXPECT_TRUE(unknown.error().detail.starts_with(no_name + ": "));
}

}  // namespace
}  // namespace stepcast::client

#include "aio/transport.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <optional>

#include "aio/spawn.hpp"

namespace stepcast::aio {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

/// A transport and its peer, a plain blocking socket.
struct Ends {
    std::optional<Transport> transport;
    int fd = -1;  // the transport's, for a look at its options
    std::optional<asio::generic::stream_protocol::socket> peer;
};

struct Form {
    Transport::Kind kind;
    bool sits;  // with others of its strand
};

class TransportTest : public testing::TestWithParam<Form> {
  protected:
    TransportTest() {
        if (GetParam().sits) transport.sit_in(readiness);
    }
    static Ends connect(asio::io_context& io, Transport::Kind kind) {
        Ends ends;
        if (kind == Transport::Kind::local) {
            Transport::Local server{io.get_executor()};
            asio::local::stream_protocol::socket client{io};
            asio::local::connect_pair(server, client);
            ends.fd = server.native_handle();
            ends.transport.emplace(std::move(server));
            ends.peer.emplace(std::move(client));
        } else {
            tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
            tcp::socket client{io};
            client.connect(acceptor.local_endpoint());
            Transport::Tcp server{io.get_executor()};
            acceptor.accept(server);
            ends.fd = server.native_handle();
            ends.transport.emplace(std::move(server));
            ends.peer.emplace(std::move(client));
        }
        return ends;
    }
    void run() {
        io.restart();
        io.run_for(60s);
        EXPECT_TRUE(io.stopped()) << "something is still suspended";
    }
    std::size_t fill() {
        const std::string block(64 * 1024, 'x');
        std::size_t taken = 0;
        ssize_t sent;
        while ((sent = transport.send(block)) > 0) taken += static_cast<std::size_t>(sent);
        EXPECT_EQ(sent, 0) << "a full one takes nothing";
        return taken;
    }
    /// Fills it until it is waited for room. The kernel may still move bytes to the peer behind a fill, which
    /// makes room again, but not without end.
    std::size_t wait_for_room() {
        std::size_t taken = 0;
        for (int before = -1; before != woken && woken < 20;) {
            before = woken;
            taken += fill();
            transport.when_writable([this](std::error_code error) { ++(error ? aborted : woken); });
            io.restart();
            io.poll();
        }
        EXPECT_LT(woken, 20);
        return taken;
    }
    void until_readable() {
        spawn(io.get_executor(), "test", [&]() -> awaitable<void> {
            const auto [error] = co_await transport.wait(Transport::readable);
            EXPECT_FALSE(error);
        });
        run();
    }
    std::string from_peer(std::size_t size) {
        std::string text(size, '\0');
        asio::read(peer, asio::buffer(text));
        return text;
    }

    asio::io_context io;
    Readiness readiness{asio::make_strand(io)};
    Ends ends = connect(io, GetParam().kind);
    Transport& transport = *ends.transport;
    asio::generic::stream_protocol::socket& peer = *ends.peer;
    std::array<char, 1024> room;
    int woken = 0, aborted = 0;  // waits for room
};

TEST_P(TransportTest, parts_arrive_in_order_however_many_bytes_they_have) {
    for (const std::size_t size : {1UL, 100UL, 6000UL}) {
        std::string a(size, 'a'), b(size, 'b');
        std::array<iovec, 2> parts{{{a.data(), a.size()}, {b.data(), b.size()}}};
        ASSERT_EQ(transport.send(parts), static_cast<ssize_t>(2 * size));
        EXPECT_EQ(from_peer(2 * size), a + b);
    }
}

TEST_P(TransportTest, a_full_one_takes_nothing_and_says_when_it_does_again) {
    const std::size_t taken = wait_for_room();
    const int before = woken;
    from_peer(taken);
    run();
    EXPECT_EQ(woken, before + 1);
    EXPECT_EQ(transport.send("more"), 4);
}

TEST_P(TransportTest, receiving_tells_nothing_now_from_the_end) {
    EXPECT_EQ(transport.receive(room), 0);
    EXPECT_FALSE(transport.has_input());
    asio::write(peer, asio::buffer("abc", 3));
    until_readable();
    EXPECT_TRUE(transport.has_input());
    EXPECT_EQ(transport.receive(room), 3);
    peer.close();
    spawn(io.get_executor(), "test",
          [&]() -> awaitable<void> { co_await transport.wait(Transport::readable); });
    run();
    EXPECT_FALSE(transport.has_input());
    EXPECT_EQ(transport.receive(room), -1);
}

TEST_P(TransportTest, an_end_that_came_with_the_last_bytes_ends_the_next_wait) {
    asio::write(peer, asio::buffer("x", 1));
    peer.shutdown(asio::socket_base::shutdown_send);
    for (const ssize_t size : {1, -1}) {
        spawn(io.get_executor(), "test",
              [&]() -> awaitable<void> { co_await transport.wait(Transport::readable); });
        run();
        EXPECT_EQ(transport.receive(room), size);
    }
}

TEST_P(TransportTest, a_gone_peer_is_told_from_a_full_one) {
    peer.close();
    ssize_t sent = 0;
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (sent >= 0 && std::chrono::steady_clock::now() < end) sent = transport.send("x");
    EXPECT_EQ(sent, -1);
}

TEST_P(TransportTest, cancelling_ends_every_wait) {
    bool reading_aborted = false;
    spawn(io.get_executor(), "test", [&]() -> awaitable<void> {
        const auto [error] = co_await transport.wait(Transport::readable);
        reading_aborted = !!error;
    });
    wait_for_room();
    transport.cancel();
    run();
    EXPECT_TRUE(reading_aborted);
    EXPECT_EQ(aborted, 1);
}

TEST_P(TransportTest, finished_it_still_receives) {
    ASSERT_EQ(transport.send("last"), 4);
    transport.finish();
    asio::error_code error;
    std::string all(100, '\0');
    all.resize(asio::read(peer, asio::buffer(all), error));
    EXPECT_EQ(all, "last");
    EXPECT_EQ(error, asio::error::eof);
    asio::write(peer, asio::buffer("late", 4));
    until_readable();
    EXPECT_EQ(transport.receive(room), 4);
}

TEST_P(TransportTest, it_knows_its_peers_address_which_a_local_socket_has_not) {
    EXPECT_EQ(transport.is_local(), GetParam().kind == Transport::Kind::local);
    EXPECT_EQ(transport.peer_address().has_value(), GetParam().kind == Transport::Kind::tcp);
    if (transport.peer_address()) EXPECT_TRUE(transport.peer_address()->is_loopback());
}

constexpr auto tcp_kind = Transport::Kind::tcp, local_kind = Transport::Kind::local;
INSTANTIATE_TEST_SUITE_P(Forms, TransportTest,
                         testing::Values(Form{tcp_kind, false}, Form{tcp_kind, true}, Form{local_kind, false},
                                         Form{local_kind, true}),
                         [](const auto& form) {
                             return std::string{form.param.kind == tcp_kind ? "tcp" : "local"}.append(
                                 form.param.sits ? "_sitting" : "");
                         });

using TcpTransportTest = TransportTest;
INSTANTIATE_TEST_SUITE_P(Tcp, TcpTransportTest, testing::Values(Form{tcp_kind, false}, Form{tcp_kind, true}));

int option(int fd, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    ::getsockopt(fd, IPPROTO_TCP, name, &value, &size);
    return value;
}

TEST_P(TcpTransportTest, its_options_are_set) {
    transport.bound_unsent();
    transport.bound_silence(7s);
    EXPECT_EQ(option(ends.fd, TCP_NODELAY), 1);
    EXPECT_EQ(option(ends.fd, TCP_NOTSENT_LOWAT), 16 * 1024);
    EXPECT_EQ(option(ends.fd, TCP_USER_TIMEOUT), 7000);
}

TEST_P(TcpTransportTest, aborted_its_close_is_a_reset) {
    ASSERT_EQ(transport.send("half"), 4);
    transport.abort();
    ends.transport.reset();
    asio::error_code error;
    char byte;
    while (!error) peer.read_some(asio::buffer(&byte, 1), error);
    EXPECT_EQ(error, asio::error::connection_reset);
}

}  // namespace
}  // namespace stepcast::aio

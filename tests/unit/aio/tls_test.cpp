#include "aio/tls.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <array>
#include <asio/ip/tcp.hpp>
#include <filesystem>
#include <fstream>
#include <optional>

#include "aio/transport.hpp"
#include "unit/aio/certificate_files.hpp"

namespace stepcast::aio {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;
namespace fs = std::filesystem;

const CertificateFiles& files() {
    return CertificateFiles::made();
}

std::shared_ptr<const TlsCertificate> certificate() {
    return TlsCertificate::load(files().chain("one"), files().key("one")).value();
}

/// The other end: OpenSSL's own client on a non-blocking socket.
class Client {
  public:
    Client(tcp::socket socket, int version)
        : socket_{std::move(socket)}, context_{SSL_CTX_new(TLS_client_method())} {
        socket_.non_blocking(true);
        SSL_CTX_set_min_proto_version(context_, version);
        SSL_CTX_set_max_proto_version(context_, version);
        SSL_CTX_set_security_level(context_, 0);  // or it offers nothing below 1.2 at all
        ssl_ = SSL_new(context_);
        constexpr unsigned char offered[] = "\x02h2\x08http/1.1";
        SSL_set_alpn_protos(ssl_, offered, sizeof offered - 1);
        SSL_set_fd(ssl_, socket_.native_handle());
        SSL_set_connect_state(ssl_);
    }
    ~Client() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
    }

    bool connect() { return SSL_do_handshake(ssl_) == 1; }
    void write(std::string_view text) { SSL_write(ssl_, text.data(), static_cast<int>(text.size())); }
    /// A record that is not sent.
    std::string encrypted(std::string_view text) {
        BIO* const way = SSL_get_wbio(ssl_);
        BIO_up_ref(way);
        BIO* const kept = BIO_new(BIO_s_mem());
        BIO_up_ref(kept);
        SSL_set0_wbio(ssl_, kept);
        write(text);
        char* bytes = nullptr;
        const long size = BIO_get_mem_data(kept, &bytes);
        std::string record{bytes, static_cast<std::size_t>(size)};
        BIO_free(kept);
        SSL_set0_wbio(ssl_, way);
        return record;
    }
    /// What is there now.
    std::string read() {
        std::string all;
        std::array<char, 16 * 1024> room;
        ERR_clear_error();
        int size;
        while ((size = SSL_read(ssl_, room.data(), room.size())) > 0)
            all.append(room.data(), static_cast<std::size_t>(size));
        error_ = SSL_get_error(ssl_, size);
        return all;
    }
    bool ended() const { return error_ == SSL_ERROR_ZERO_RETURN; }
    bool broken() const { return error_ == SSL_ERROR_SSL || error_ == SSL_ERROR_SYSCALL; }
    void update_keys() { SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED); }
    std::string protocol() const {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(ssl_, &name, &size);
        return {reinterpret_cast<const char*>(name), size};
    }
    tcp::socket& socket() { return socket_; }
    SSL* ssl() { return ssl_; }

  private:
    tcp::socket socket_;
    SSL_CTX* context_;
    SSL* ssl_;
    int error_ = SSL_ERROR_NONE;
};

class TlsTest : public testing::TestWithParam<int> {
  protected:
    void start(int version) {
        tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
        tcp::socket peer{io};
        peer.connect(acceptor.local_endpoint());
        Transport::Tcp server{io.get_executor()};
        acceptor.accept(server);
        client.emplace(std::move(peer), version);
        transport.emplace(std::move(server));
        transport->secure(*certificate(), pieces);  // nobody else keeps it
    }
    /// Steps both ends until it holds.
    template <class Condition>
    bool eventually(Condition holds) {
        for (const auto end = std::chrono::steady_clock::now() + 60s; !holds();) {
            if (std::chrono::steady_clock::now() > end) return false;
            io.restart();
            io.poll();
            pollfd either{client->socket().native_handle(), POLLIN, 0};
            ::poll(&either, 1, 1);
        }
        return true;
    }
    bool shake_hands() {
        return eventually([this, done = false]() mutable {
            done = client->connect() || done;
            return transport->open() == 1 && done;
        });
    }
    std::string received() {
        std::array<char, TlsStream::record_bytes> room;
        std::string all;
        for (ssize_t size; (size = transport->receive(room)) > 0;)
            all.append(room.data(), static_cast<std::size_t>(size));
        return all;
    }
    /// Text that tells whether any of it is lost, sent until nothing is taken any more.
    std::string fill() {
        std::string sent, text;
        for (std::size_t next = 0;;) {
            while (text.size() < 40'000) text += std::to_string(next++) + ' ';
            const ssize_t taken = transport->send(text);
            EXPECT_GE(taken, 0);
            if (taken <= 0) return sent;
            sent.append(text, 0, static_cast<std::size_t>(taken));
            text.erase(0, static_cast<std::size_t>(taken));
        }
    }

    asio::io_context io;
    std::shared_ptr<Budget> pieces = std::make_shared<Budget>(20 * 1024);
    std::optional<Client> client;
    std::optional<Transport> transport;
};

TEST_P(TlsTest, bytes_go_both_ways_and_http_1_1_is_agreed_on) {
    start(GetParam());
    EXPECT_EQ(transport->send("too early"), -1);
    ASSERT_TRUE(shake_hands());
    EXPECT_EQ(client->protocol(), "http/1.1");
    client->write("ping");
    std::string got;
    ASSERT_TRUE(eventually([&] { return (got += received()) == "ping"; }));
    std::string a = "po", b = "ng", large(20'000, 'x');
    const std::array<iovec, 3> parts{{{a.data(), 2}, {b.data(), 2}, {large.data(), large.size()}}};
    ASSERT_EQ(transport->send(parts), 20'004);
    got.clear();
    ASSERT_TRUE(eventually([&] { return (got += client->read()).size() == 20'004; }));
    EXPECT_EQ(got, "pong" + large);
}

TEST_P(TlsTest, what_was_taken_arrives_though_nobody_sends_any_more) {
    start(GetParam());
    ASSERT_TRUE(shake_hands());
    const std::string sent = fill();
    transport->cancel();  // wakes who waits; what was taken is no wait of theirs
    Transport moved{std::move(*transport)};
    std::string got;
    ASSERT_TRUE(eventually([&] { return (got += client->read()).size() >= sent.size(); }));
    EXPECT_EQ(got, sent);
    EXPECT_EQ(moved.send("more"), 4);
}

TEST_P(TlsTest, what_was_taken_arrives_though_the_transport_is_gone) {
    start(GetParam());
    ASSERT_TRUE(shake_hands());
    const std::string sent = fill();
    transport.reset();
    std::string got;
    ASSERT_TRUE(eventually([&] {
        got += client->read();
        return client->ended() || client->broken();
    }));
    EXPECT_EQ(got, sent);
    EXPECT_TRUE(client->ended()) << "and its end is no cut";
}

TEST_P(TlsTest, a_piece_of_a_record_counts_until_the_rest_is_here_or_it_is_gone) {
    start(GetParam());
    ASSERT_TRUE(shake_hands());
    const std::string text(10'000, 'x');
    const std::string record = client->encrypted(text);
    for (const std::size_t first : {3, 5, 6, 9'000}) {
        const std::string sealed = first == 3 ? record : client->encrypted(text);
        client->socket().send(asio::buffer(sealed.data(), first));
        EXPECT_TRUE(eventually([&] { return received().empty() && pieces->held() == 18 * 1024; })) << first;
        client->socket().send(asio::buffer(sealed.data() + first, sealed.size() - first));
        std::string got;
        EXPECT_TRUE(eventually([&] { return (got += received()).size() == text.size(); })) << first;
        EXPECT_EQ(pieces->held(), 0u) << first;
    }
    client->socket().send(asio::buffer(client->encrypted(text).data(), 100));
    EXPECT_TRUE(eventually([&] { return received().empty() && pieces->held() > 0; }));
    transport.reset();
    EXPECT_EQ(pieces->held(), 0u);
}

TEST_P(TlsTest, who_sends_pieces_beyond_the_bound_is_cut) {
    start(GetParam());
    ASSERT_TRUE(shake_hands());
    Budget::Hold others{*pieces};
    ASSERT_TRUE(others.resize(10 * 1024));
    client->socket().send(asio::buffer(client->encrypted("hello").data(), 10));
    std::array<char, TlsStream::record_bytes> room;
    EXPECT_TRUE(eventually([&] { return transport->receive(room) == -1; }));
    EXPECT_EQ(transport->send("x"), -1);
}

TEST_P(TlsTest, aborted_it_ends_as_if_cut) {
    start(GetParam());
    ASSERT_TRUE(shake_hands());
    ASSERT_EQ(transport->send("half"), 4);
    transport->abort();
    transport.reset();
    ASSERT_TRUE(eventually([&] {
        client->read();
        return client->ended() || client->broken();
    }));
    EXPECT_FALSE(client->ended());
}

TEST_P(TlsTest, finished_it_still_receives) {
    start(GetParam());
    ASSERT_TRUE(shake_hands());
    transport->finish();
    ASSERT_TRUE(eventually([&] {
        client->read();
        return client->ended();
    }));
    client->write("late");
    std::string got;
    EXPECT_TRUE(eventually([&] { return (got += received()) == "late"; }));
}

TEST_P(TlsTest, the_peers_end_is_an_end) {
    start(GetParam());
    ASSERT_TRUE(shake_hands());
    SSL_shutdown(client->ssl());
    std::array<char, 100> room;
    EXPECT_TRUE(eventually([&] { return transport->receive(room) == -1; }));
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& of) { return of.param == TLS1_2_VERSION ? "tls12" : "tls13"; });

using OneTlsTest = TlsTest;
INSTANTIATE_TEST_SUITE_P(Any, OneTlsTest, testing::Values(0));

TEST_P(OneTlsTest, key_updates_are_answered_while_the_stream_goes_on) {
    start(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands());
    std::string got, back;
    for (int i = 1; i <= 5; ++i) {
        client->update_keys();
        client->write("x");
        ASSERT_TRUE(eventually([&] { return (got += received()).size() == static_cast<std::size_t>(i); }));
        ASSERT_EQ(transport->send("y"), 1);
        ASSERT_TRUE(
            eventually([&] { return (back += client->read()).size() == static_cast<std::size_t>(i); }));
    }
}

TEST_P(OneTlsTest, a_call_ends_behind_each_record_that_holds_no_data) {
    start(TLS1_3_VERSION);
    ASSERT_TRUE(shake_hands());
    constexpr int updates = 50;
    for (int i = 0; i < updates; ++i) {
        client->update_keys();
        client->connect();  // sends it
    }
    client->write("x");
    int calls = 0;
    std::array<char, TlsStream::record_bytes> room;
    ASSERT_TRUE(eventually([&] {
        ++calls;
        return transport->receive(room) == 1;
    }));
    EXPECT_GT(calls, updates);
}

TEST_P(OneTlsTest, what_is_no_tls_or_too_old_is_refused) {
    start(TLS1_1_VERSION);
    EXPECT_TRUE(eventually([&] {
        client->connect();
        return transport->open() == -1;
    }));
    EXPECT_EQ(transport->send("x"), -1);
    start(TLS1_3_VERSION);
    client->socket().send(asio::buffer(std::string_view{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}));
    EXPECT_TRUE(eventually([&] { return transport->open() == -1; }));
}

TEST(TlsCertificateTest, what_cannot_be_used_is_named) {
    const auto missing = TlsCertificate::load("/no/such.pem", files().key("one"));
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().field, "server.tls_cert");
    EXPECT_EQ(missing.error().detail,
              "cannot read a certificate from /no/such.pem: No such file or directory");
    const auto foreign = TlsCertificate::load(files().chain("one"), files().key("other"));
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().field, "server.tls_key");
    EXPECT_NE(foreign.error().detail.find("key values mismatch"), std::string::npos)
        << foreign.error().detail;
}

}  // namespace
}  // namespace stepcast::aio

#include <sys/socket.h>
#include <unistd.h>

#include "aio/tls.hpp"
#include "client/errc.hpp"
#include "client/http_client.hpp"
#include "unit/aio/certificate_files.hpp"
#include "unit/client/script_server.hpp"

namespace stepcast::client {
namespace {

using asio::ip::tcp;

const aio::CertificateFiles& files() {
    return aio::CertificateFiles::made();
}

/// Answers one request over TLS with something that is as long as its connection.
class SecureServer {
  public:
    /// `cut`: TCP ends, and nobody said so by TLS.
    SecureServer(asio::io_context& context, bool cut)
        : acceptor_{context, {asio::ip::address_v4::loopback(), 0}}, cut_{cut} {
        aio::spawn(context.get_executor(), "secure server", [this] { return serve(); });
    }
    Url url() const { return {"localhost", acceptor_.local_endpoint().port(), "/", true, {}}; }
    const std::string& request() const { return request_; }

  private:
    aio::awaitable<void> serve() {
        auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
        const int descriptor = ::dup(socket.native_handle());
        aio::Transport transport{std::move(socket)};
        transport.secure(**aio::TlsCertificate::load(files().chain("one"), files().key("one")));
        std::string room(64 * 1024, '\0');
        while (!request_.ends_with("\r\n\r\n")) {
            const auto [error] = co_await transport.wait(aio::Transport::readable);
            if (error || transport.open() < 0) break;
            if (!transport.is_open()) continue;
            const auto size = transport.receive(room);
            if (size < 0) break;
            request_.append(room, 0, static_cast<std::size_t>(size));
        }
        transport.send("HTTP/1.1 200 OK\r\n\r\nas long as its connection");
        if (cut_) ::shutdown(descriptor, SHUT_WR);
        ::close(descriptor);
    }

    tcp::acceptor acceptor_;
    std::string request_;
    const bool cut_;
};

class SecureTest : public testing::Test {
  protected:
    result<Answer> ask(const Trust& trust, bool cut = false) {
        asio::io_context context;
        SecureServer server{context, cut};
        result<Answer> answer;
        run_to_end(context, [&]() -> aio::awaitable<void> {
            HttpClient http{co_await asio::this_coro::executor, server.url(), {}, trust};
            answer = co_await http.get("/keys");
        });
        request = server.request();
        return answer;
    }

    std::string request;
};

TEST_F(SecureTest, a_server_that_is_trusted_is_asked_over_tls) {
    const auto answer = ask(*aio::TlsTrust::of_file(files().chain("one")));
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->body, "as long as its connection");
    EXPECT_TRUE(request.starts_with("GET /keys HTTP/1.1\r\nHost: localhost:"));
}

TEST_F(SecureTest, an_answer_that_ends_without_the_servers_word_is_cut) {
    const auto answer = ask(*aio::TlsTrust::of_file(files().chain("one")), true);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, errc::cut);
}

TEST_F(SecureTest, nothing_is_said_to_a_server_that_is_not_the_one) {
    for (const auto& trust :
         {*aio::TlsTrust::of_file(files().chain("other")),
          *aio::TlsTrust::of_certificate(files().chain("other")), *aio::TlsTrust::of_system(), Trust{}}) {
        const auto answer = ask(trust);
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, errc::insecure);
        EXPECT_EQ(request, "");
    }
}

TEST_F(SecureTest, a_file_that_holds_no_certificate_is_named) {
    for (const auto& made : {aio::TlsTrust::of_file("/no/such"), aio::TlsTrust::of_certificate("/no/such"),
                             aio::TlsTrust::of_certificate(files().key("one"))}) {
        ASSERT_FALSE(made);
        EXPECT_NE(made.error().detail.find("cannot read a certificate from /"), std::string::npos);
    }
}

}  // namespace
}  // namespace stepcast::client

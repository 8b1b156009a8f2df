#include "unit/http/raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "base/text.hpp"
#include "wire/chars.hpp"

namespace stepcast::http {
namespace {

constexpr int patience_ms = 60'000;

}  // namespace

RawClient::RawClient(std::uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error{"cannot connect"};
}

RawClient::~RawClient() {
    if (fd_ >= 0) ::close(fd_);
}

void RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;  // the server has closed: what it said before is still read
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

bool RawClient::fill() {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, patience_ms) != 1) return false;
    char bytes[65536];
    const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
    reset_ = got < 0 && errno == ECONNRESET;
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
}

std::optional<RawResponse> RawClient::receive(bool head_only) {
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
        if (!fill()) return std::nullopt;
    RawResponse response;
    std::string_view head = std::string_view{buffer_}.substr(0, end + 2);
    response.status = parse_number<int>(head.substr(9, 3)).value_or(0);
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
        const auto line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(line.size() + 2);
        std::string name{line.substr(0, line.find(':'))};
        for (char& c : name) c = wire::to_lower(c);
        response.headers[name] = wire::trim(line.substr(line.find(':') + 1));
    }
    buffer_.erase(0, end + 4);
    if (!head_only && response.headers.contains("transfer-encoding"))
        return receive_chunks(response.body) ? std::optional{std::move(response)} : std::nullopt;
    const auto length = response.headers.find("content-length");
    if (head_only || length == response.headers.end()) return response;
    const auto size = parse_number<std::size_t>(length->second).value();
    while (buffer_.size() < size)
        if (!fill()) return std::nullopt;
    response.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return response;
}

bool RawClient::receive_chunks(std::string& body) {
    for (std::size_t size = 1; size != 0;) {
        std::size_t end;
        while ((end = buffer_.find("\r\n")) == std::string::npos)
            if (!fill()) return false;
        size = std::stoul(buffer_.substr(0, end), nullptr, 16);
        while (buffer_.size() < end + 2 + size + 2)
            if (!fill()) return false;
        body.append(buffer_, end + 2, size);
        buffer_.erase(0, end + 2 + size + 2);
    }
    return true;
}

std::optional<RawResponse> RawClient::ask(std::string_view bytes, bool head_only) {
    send(bytes);
    return receive(head_only);
}

std::string RawClient::rest() {
    while (fill()) {
    }
    return std::move(buffer_);
}

bool RawClient::closed() {
    if (!buffer_.empty()) return false;
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, patience_ms) != 1) return false;
    char byte;
    return ::recv(fd_, &byte, 1, 0) <= 0;
}

void RawClient::finish_sending() {
    ::shutdown(fd_, SHUT_WR);
}

void RawClient::reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    ::close(fd_);
    fd_ = -1;
}

std::string get(std::string_view path, std::string_view more) {
    return std::string{"GET "}
        .append(path)
        .append(" HTTP/1.1\r\nHost: localhost\r\n")
        .append(more)
        .append("\r\n");
}

std::string post(std::string_view path, std::string_view body, std::string_view more) {
    std::string text{"POST "};
    text.append(path).append(" HTTP/1.1\r\nHost: localhost\r\nContent-Length: ");
    append_number(text, body.size());
    return text.append("\r\n").append(more).append("\r\n").append(body);
}

}  // namespace stepcast::http

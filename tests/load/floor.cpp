// The least that an SSE server can do, as the yardstick of `./dev bench`: one thread, epoll, one frame built
// per event, one send per client and event. With --coalesce the events that arrived in one turn leave in one
// send per client.
//
// It answers GET on any path with a stream of the user named by `userId=`, and POST on any path by sending
// the body to the streams of its "userId". Nothing is checked, stored or resumed.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

struct Client {
    int fd = -1;
    std::string input;
    std::string backlog;  // what the socket did not take
    std::vector<Client*>* room = nullptr;
};

struct Room {
    std::vector<Client*> clients;
    std::string batch;
};

volatile std::sig_atomic_t stopping = 0;
int epoll_fd = -1;
bool coalesce = false;
std::uint64_t position = 0;
std::unordered_map<std::string, Room> rooms;
std::vector<Room*> dirty;
std::vector<Client*> gone;

constexpr std::string_view stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n: floor\n\n";
constexpr std::string_view accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

void write_to(Client& client, std::string_view bytes) {
    if (client.backlog.empty()) {
        const auto sent = send(client.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent == static_cast<ssize_t>(bytes.size())) return;
        if (sent < 0 && errno != EAGAIN) return;  // the reset is seen by epoll
        bytes.remove_prefix(sent < 0 ? 0 : static_cast<std::size_t>(sent));
    }
    client.backlog.append(bytes);
}

void flush(Client& client) {
    const auto sent = send(client.fd, client.backlog.data(), client.backlog.size(), MSG_NOSIGNAL);
    if (sent > 0) client.backlog.erase(0, static_cast<std::size_t>(sent));
}

void publish(std::string_view body) {
    constexpr std::string_view key = "\"userId\":\"";
    auto from = body.find(key);
    if (from == body.npos) return;
    from += key.size();
    const auto room = rooms.find(std::string{body.substr(from, body.find('"', from) - from)});
    if (room == rooms.end()) return;
    std::string frame = "id: f." + std::to_string(++position) + "\nevent: progress\ndata: ";
    frame.append(body).append("\n\n");
    if (coalesce) {
        if (room->second.batch.empty()) dirty.push_back(&room->second);
        room->second.batch += frame;
        return;
    }
    for (Client* client : room->second.clients) write_to(*client, frame);
}

void send_batches() {
    for (Room* room : dirty) {
        for (Client* client : room->clients) write_to(*client, room->batch);
        room->batch.clear();
    }
    dirty.clear();
}

void subscribe(Client& client, std::string_view head) {
    constexpr std::string_view key = "userId=";
    const auto from = head.find(key);
    std::string user;
    if (from != head.npos)
        user = head.substr(from + key.size(), head.find_first_of("& ", from) - from - key.size());
    auto& clients = rooms[user].clients;
    clients.push_back(&client);
    client.room = &clients;
    write_to(client, stream_head);
}

/// Works off one request at the front of the input. False if it is not complete.
bool take_request(Client& client) {
    const std::string_view input = client.input;
    const auto end = input.find("\r\n\r\n");
    if (end == input.npos) return false;
    const auto head = input.substr(0, end);
    std::size_t length = 0;
    constexpr std::string_view key = "Content-Length: ";
    if (const auto at = head.find(key); at != head.npos) {
        std::from_chars(head.data() + at + key.size(), head.data() + head.size(), length);
    }
    if (input.size() < end + 4 + length) return false;
    if (head.starts_with("POST")) {
        publish(input.substr(end + 4, length));
        write_to(client, accepted);
    } else {
        subscribe(client, head);
    }
    client.input.erase(0, end + 4 + length);
    return true;
}

void drop(Client& client) {
    if (client.fd < 0) return;
    close(client.fd);
    client.fd = -1;
    if (client.room != nullptr) std::erase(*client.room, &client);
    gone.push_back(&client);
}

void on_ready(Client& client, std::uint32_t events) {
    if (client.fd < 0) return;
    if ((events & EPOLLOUT) != 0 && !client.backlog.empty()) flush(client);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) == 0) return;
    std::array<char, 65536> buffer;
    while (true) {
        const auto got = recv(client.fd, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return drop(client);
        client.input.append(buffer.data(), static_cast<std::size_t>(got));
        while (take_request(client)) {
        }
        if (static_cast<std::size_t>(got) < buffer.size() && (events & EPOLLRDHUP) == 0) return;
    }
}

void accept_all(int listener) {
    while (true) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto* client = new Client;
        client->fd = fd;
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.ptr = client;
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

int listen_on(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || listen(fd, 4096) < 0) {
        std::perror("floor");
        std::exit(1);
    }
    return fd;
}

}  // namespace

int main(int argc, char** argv) {
    std::uint16_t port = 0;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--coalesce")
            coalesce = true;
        else
            std::from_chars(argument.data(), argument.data() + argument.size(), port);
    }
    if (port == 0) {
        std::fprintf(stderr, "usage: floor PORT [--coalesce]\n");
        return 1;
    }
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, [](int) { stopping = 1; });

    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    const int listener = listen_on(port);
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    std::array<epoll_event, 512> ready;
    while (stopping == 0) {
        const int count = epoll_wait(epoll_fd, ready.data(), static_cast<int>(ready.size()), -1);
        for (int i = 0; i < count; ++i) {
            const auto& one = ready[static_cast<std::size_t>(i)];
            if (one.data.ptr == nullptr)
                accept_all(listener);
            else
                on_ready(*static_cast<Client*>(one.data.ptr), one.events);
        }
        if (coalesce) send_batches();
        for (Client* client : gone) delete client;  // only now: the turn may have named it twice
        gone.clear();
    }
    return 0;
}

"""What the doors cost a server: CPU of a delivery and of a POST, memory of an idle stream. Its clients look at no byte of what comes, so that
they are as cheap behind TLS as plain, and POSTs go by the local socket, which speaks no TLS."""
import json
import os
import pathlib
import resource
import select
import socket
import statistics
import time

LIMIT_S = 30
ASK = b"GET /api/v2/progress/subscribe?userId=ada HTTP/1.1\r\nHost: localhost\r\n\r\n"


def cpu_us(server):
    """What all its threads have used."""
    tasks = pathlib.Path(f"/proc/{server.pid}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1000


def memory(server):
    """Bytes of its own."""
    lines = pathlib.Path(f"/proc/{server.pid}/smaps_rollup").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("Anonymous:")).split()[1])


class Streams:
    """Live streams of one user, whose bytes are read away."""

    def __init__(self, server, count, context=None):
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self.epoll, self.sockets = select.epoll(), {}
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)
            if context is not None:
                client = context.wrap_socket(client, server_hostname="localhost")
            client.sendall(ASK)
            got = b""
            while b"event: live" not in got:
                got += client.recv(65536)
            plain = socket.socket(fileno=client.detach())
            plain.setblocking(False)
            self.sockets[plain.fileno()] = plain
            self.epoll.register(plain, select.EPOLLIN | select.EPOLLET)
        while self.heard(0.2):
            pass

    def heard(self, limit):
        """Those that something came to."""
        seen = set()
        for descriptor, _ in self.epoll.poll(limit):
            try:
                while len(os.read(descriptor, 65536)) == 65536:
                    pass
            except BlockingIOError:
                pass
            seen.add(descriptor)
        return seen

    def wait(self):
        """Until something has come to each. Who reads at once is woken, at the server's expense, for each write, or for few if they come fast."""
        time.sleep(20e-6 * len(self.sockets))
        left, end = set(self.sockets), time.monotonic() + LIMIT_S
        while left:
            left -= self.heard(1)
            if time.monotonic() > end:
                raise RuntimeError(f"an event did not reach {len(left)} of {len(self.sockets)} streams")

    def close(self):
        for plain in self.sockets.values():
            plain.close()
        self.epoll.close()


class Publisher:
    """POSTs one event after the other over one connection to the local socket."""

    def __init__(self, path, token=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT_S)
        end = time.monotonic() + LIMIT_S
        while self.socket.connect_ex(str(path)) != 0:  # the port comes first
            if time.monotonic() > end:
                raise RuntimeError(f"nobody listens at {path}")
            time.sleep(0.02)
        self.more = f"Authorization: Bearer {token}\r\n" if token else ""
        self.count = 0

    def post(self):
        self.count += 1
        body = json.dumps({"taskId": f"task-{self.count % 16}", "userId": "ada", "eventType": "PROGRESS", "percentage": self.count % 100,
                           "detail": {"text": "x" * 100}})
        self.socket.sendall(f"POST /api/v2/progress/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{self.more}"
                            f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = b""
        while not answer.endswith(b"}"):
            answer += self.socket.recv(4096)
        if not answer.startswith(b"HTTP/1.1 202 "):
            raise RuntimeError(answer.decode())


def delivery_us(server, path, context=None, clients=500, events=300):
    """CPU of a delivery, one event at a time."""
    streams, publisher = Streams(server, clients, context), Publisher(path)

    def run(count):
        before = cpu_us(server)
        for _ in range(count):
            publisher.post()
            streams.wait()
        return (cpu_us(server) - before) / count / clients
    run(30)
    used = run(events)
    streams.close()
    return used


def posts_us(pairs, rounds=40, count=100):
    """CPU of a POST, by the name of each (server, publisher): medians of rounds in turns, so that what disturbs one disturbs all."""
    used = {name: [] for name in pairs}
    for _ in range(rounds):
        for name, (server, publisher) in pairs.items():
            before = cpu_us(server)
            for _ in range(count):
                publisher.post()
            used[name].append((cpu_us(server) - before) / count)
    return {name: statistics.median(given[2:]) for name, given in used.items()}


def idle_bytes(server, context=None, clients=1000):
    """Memory of a live stream that nothing comes to."""
    warm = Streams(server, 100, context)  # what is built once counts for none
    before = memory(server)
    streams = Streams(server, clients, context)
    used = (memory(server) - before) / clients
    warm.close()
    streams.close()
    return used


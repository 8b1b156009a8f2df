"""What clients come in by is changed under them."""
import socket
import ssl

from certificates import Certificates
from harness import Api, check, servers, unique, until

STREAMS = 1000
ROUNDS = 3
LIMIT_S = 60


class Door:
    """A port of a server."""

    def __init__(self, port):
        self.port = port


def read_until(client, word):
    got = b""
    while word not in got:
        piece = client.recv(65536)
        check(piece, "a stream ended")
        got = got[-len(word):] + piece


def certificate_changed(run):
    """Nobody who is connected by the old one notices, and who comes is shown the new one."""
    certificates = run.exits.enter_context(Certificates())
    admin = servers.free_port()
    server = servers.stepcast(*certificates.settings(), f"server.admin_port={admin}")
    run.exits.callback(server.stop)
    api, user = Api(Door(admin)), unique("user")

    def connect():
        context = ssl.create_default_context(cafile=certificates.chain)
        return context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S), server_hostname="localhost")

    def shown():
        try:
            with connect() as newcomer:
                return newcomer.getpeercert(binary_form=True)
        except ssl.SSLCertVerificationError:  # still the old one, which nobody vouches for any more
            return None

    streams = []
    for _ in range(STREAMS):
        stream = run.exits.enter_context(connect())
        stream.sendall(f"GET /api/v2/progress/subscribe?userId={user} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        streams.append(stream)
    for stream in streams:
        read_until(stream, b"event: live")
    for index in range(run.of(1, ROUNDS)):
        certificates.renew()
        until(lambda: shown() == certificates.serial(), "the new certificate")
        task = f"round-{index}"
        body = f'{{"taskId":"{task}","userId":"{user}","eventType":"STARTED"}}'
        with connect() as client:
            client.sendall(f"POST /api/v2/progress/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            read_until(client, b" 202 ")
        for stream in streams:
            read_until(stream, task.encode())
    check(api.series('stepcast_sessions{kind="user"}') == STREAMS, "each stream is there still")
    run.add(streams=STREAMS, certificates=run.of(1, ROUNDS))

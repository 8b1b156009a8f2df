"""TLS by the server itself, seen by clients that others wrote. Embedded bus, memory store."""
import contextlib
import json
import re
import select
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

from certificates import Certificates
from streams import LIMIT_S, servers, unique, until
import door_costs  # its folder is streams' to know

SILENT = 500


class Tls(unittest.TestCase):
    def setUp(self):
        self.certificates = Certificates()
        self.addCleanup(self.certificates.folder.cleanup)

    def serve(self, *settings):
        return servers.stepcast(*self.certificates.settings(), "server.threads=1", *settings)

    def context(self):
        context = ssl.create_default_context(cafile=self.certificates.chain)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context

    def connect(self, server, context=None, receive_buffer=None):
        plain = socket.socket()
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(LIMIT_S)
        plain.connect(("127.0.0.1", server.port))
        return (context or self.context()).wrap_socket(plain, server_hostname="localhost")

    def ask(self, server, text):
        with self.connect(server) as client:
            client.sendall(text.encode())
            return read_until(client, lambda got: got.endswith(b"}")).decode()

    def post(self, server, events):
        body = json.dumps(events)
        answer = self.ask(server, f"POST /api/v2/progress/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                  f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        self.assertIn(" 202 ", answer.partition("\r\n")[0])

    def subscribe(self, server, user, cursor=None, **how):
        client = self.connect(server, **how)
        resume = "" if cursor is None else f"Last-Event-ID: {cursor}\r\n"
        client.sendall(f"GET /api/v2/progress/subscribe?userId={urllib.parse.quote(user)} HTTP/1.1\r\nHost: localhost\r\n"
                       f"{resume}\r\n".encode())
        return client

    def curl(self, server, *options):
        return subprocess.run(["curl", "-sS", "--cacert", self.certificates.chain, "--max-time", "20", *options,
                               f"https://localhost:{server.port}/healthz"], capture_output=True, text=True, check=False)

    def s_client(self, server, *options, text=""):
        done = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{server.port}", "-servername", "localhost",
                               "-CAfile", self.certificates.chain, *options], input=text, capture_output=True, text=True,
                              timeout=LIMIT_S, check=False)
        return done.stdout + done.stderr


def read_until(client, holds):
    got = b""
    while not holds(got):
        piece = client.recv(65536)
        if not piece:
            break
        got += piece
    return got


def events_of(text):
    return [json.loads(data) for data in re.findall(rb"event: progress\ndata: (.*)\n", text)]


class Clients(Tls):
    def test_curl_speaks_both_versions_and_no_older_one(self):
        with self.serve("server.hsts=1d") as server:
            for version in ("1.2", "1.3"):
                done = self.curl(server, "-i", f"--tlsv{version}", "--tls-max", version)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("HTTP/1.1 200", done.stdout)
                self.assertIn("Strict-Transport-Security: max-age=86400\r\n", done.stdout.replace("\n", "\r\n").replace("\r\r", "\r"))
            self.assertNotEqual(self.curl(server, "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0").returncode, 0)

    def test_s_client_agrees_on_http_1_1_resumes_by_ticket_and_may_not_renegotiate(self):
        with self.serve() as server, tempfile.NamedTemporaryFile() as session:
            request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            first = self.s_client(server, "-tls1_3", "-alpn", "h2,http/1.1", "-sess_out", session.name, "-ign_eof", text=request)
            self.assertIn("ALPN protocol: http/1.1", first)
            self.assertIn('{"status":"ok"}', first)
            self.assertIn("Max Early Data: 0", first)
            again = self.s_client(server, "-tls1_3", "-sess_in", session.name, "-ign_eof", text=request)
            self.assertIn("Reused, TLSv1.3", again)
            refused = self.s_client(server, "-alpn", "h2", text=request)
            self.assertIn("no application protocol", refused)
            # R on a line of its own asks for it.
            self.assertIn("no renegotiation", self.s_client(server, "-tls1_2", text="R\n" + request))

    def test_who_speaks_plainly_or_not_at_all_ends_within_the_headers_deadline(self):
        with self.serve("http.header_timeout=1s") as server:
            with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as plain:
                plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                with contextlib.suppress(ConnectionResetError):
                    self.assertNotIn(b"HTTP/1.1", read_until(plain, lambda _: False))
            with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as silent:
                self.assertEqual(silent.recv(100), b"")

    def begun(self, server, stack, count):
        """Handshakes that stand still: some have sent the beginning of a record, the others their whole first message."""
        sockets = []
        for index in range(count):
            outgoing = ssl.MemoryBIO()
            with contextlib.suppress(ssl.SSLWantReadError):
                self.context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
            stalled = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S))
            stalled.sendall(outgoing.read() if index % 2 else b"\x16\x03\x01")
            sockets.append(stalled)
        return sockets

    def waited(self, server):
        """Seconds of an honest client."""
        began = time.monotonic()
        self.assertIn("200 OK", self.ask(server, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        return time.monotonic() - began

    def test_handshakes_that_stand_still_neither_keep_out_others_nor_are_cut_for_them(self):
        with self.serve("http.header_timeout=60s") as server, contextlib.ExitStack() as stack:
            stalled = self.begun(server, stack, 200)
            self.assertLess(min(self.waited(server) for _ in range(3)), LIMIT_S / 2, "long before their deadline")
            for client in stalled[::2]:  # the server has nothing to say to these
                client.setblocking(False)
                self.assertRaises(BlockingIOError, client.recv, 1)
            more = self.begun(server, stack, 200)
            self.assertLess(min(self.waited(server) for _ in range(3)), LIMIT_S / 2, "not only at their deadline")
            self.assertTrue(more)

    def test_who_says_nothing_holds_no_state_of_tls(self):
        with self.serve() as server, contextlib.ExitStack() as stack:
            def connected():
                page = urllib.request.urlopen(f"https://localhost:{server.port}/metrics", context=self.context(), timeout=LIMIT_S)
                return int(re.search(rb"^stepcast_http_connections (\d+)", page.read(), re.M).group(1))
            self.assertLess(connected(), SILENT)
            before = door_costs.memory(server)
            for _ in range(SILENT):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S))
            until(lambda: connected() >= SILENT, "that all are accepted")
            self.assertLess((door_costs.memory(server) - before) / SILENT, 6 * 1024, "as much as a plain one, or twice that; one's state of TLS is 8 KiB")

    def test_pieces_of_records_are_held_within_a_bound(self):
        with self.serve("http.max_body=1KiB", "http.max_pending_bytes=100KiB") as server, contextlib.ExitStack() as stack:
            user, clients = unique("user"), []
            for index in range(10):
                client = self.subscribe(server, user) if index % 2 else self.connect(server)
                stack.enter_context(client)
                if index % 2:
                    read_until(client, lambda got: b"event: live" in got)
                clients.append(socket.socket(fileno=client.detach()))
                stack.enter_context(clients[-1])
                clients[-1].sendall(b"\x17\x03\x03\x40\x00")  # the head of a record of 16 KiB
            for client in clients:
                client.settimeout(0)

            def cut():
                count = 0
                for client in clients:
                    try:
                        while client.recv(65536):  # what the server sent before: tickets
                            pass
                        count += 1
                    except ConnectionResetError:
                        count += 1
                    except BlockingIOError:
                        pass
                return count
            until(lambda: cut() == 5, lambda: f"five of 18 KiB in 100 KiB; {cut()} were cut")
            self.assertLess(self.waited(server), 10)

    def test_who_says_nothing_gives_way_to_who_does_and_holds_up_no_stop(self):
        with self.serve("http.max_connections=20", "http.header_timeout=5m", "server.drain=5m") as server, contextlib.ExitStack() as stack:
            silent = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)) for _ in range(20)]
            self.assertIn("200 OK", self.ask(server, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            # The longest idle goes; of those that are on their way to the lane it may be any.
            closed = select.select(silent, [], [], LIMIT_S)[0]
            self.assertEqual([client.recv(1) for client in closed[:1]], [b""])
            self.assertEqual(server.stop(), 0, server.output())


class Proxied(Tls):
    """A proxy that passes TLS on, and says for whom in the first bytes of the connection."""

    proxied = ("server.proxy_header=proxy-protocol", 'server.trusted_proxies=["127.0.0.1"]')

    def connect_for(self, server, address):
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)
        # Held back until there is more: it comes in one piece with the handshake's first bytes.
        plain.send(f"PROXY TCP4 {address} 192.0.2.255 1 443\r\n".encode(), socket.MSG_MORE)
        return self.context().wrap_socket(plain, server_hostname="localhost")

    def ask_for(self, server, address):
        with self.connect_for(server, address) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return read_until(client, lambda got: got.endswith(b"}"))

    def test_the_server_sees_who_asks_and_a_client_without_a_proxy_is_closed(self):
        with self.serve(*self.proxied, "log.access=true", "log.level=info") as server:
            self.assertIn(b"200 OK", self.ask_for(server, "192.0.2.7"))
            until(lambda: "address=192.0.2.7 " in server.output(), "the line of the request")
            with self.assertRaises((ssl.SSLError, OSError)):
                self.connect(server)
            until(lambda: "does not begin with a PROXY header" in server.output(), "a complaint")

    def test_no_handshake_is_made_for_an_address_that_has_too_many_connections(self):
        with self.serve(*self.proxied, "limits.address_connections=1") as server, self.connect_for(server, "192.0.2.7"):
            with self.assertRaises((ssl.SSLError, OSError)):
                self.connect_for(server, "192.0.2.7")
            self.assertIn(b"200 OK", self.ask_for(server, "192.0.2.8"))


class Streams(Tls):
    def test_a_stream_is_live_and_resumes_by_its_cursor(self):
        with self.serve() as server:
            user, task = unique("user"), unique("task")
            event = {"taskId": task, "userId": user, "eventType": "STARTED"}
            with self.subscribe(server, user) as client:
                self.assertIn(b"event: live", read_until(client, lambda got: b"event: live" in got))
                self.post(server, event)
                got = read_until(client, lambda got: b"event: progress" in got and got.endswith(b"\n\n\r\n"))
                cursor = re.findall(rb"id: (\S+)\n", got)[-1].decode()
            self.post(server, {**event, "eventType": "PROGRESS", "percentage": 50})
            with self.subscribe(server, user, cursor) as client:
                missed = events_of(read_until(client, lambda got: b"event: live" in got))
                self.assertEqual([each["percentage"] for each in missed], [50])

    def test_a_slow_reader_is_thinned_out_and_gets_whole_records(self):
        with self.serve("sse.outbox_bytes=64KiB") as server:
            user, task = unique("user"), unique("task")
            with self.subscribe(server, user, receive_buffer=4096) as slow:
                read_until(slow, lambda got: b"event: live" in got)
                event = {"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 5, "detail": {"k": "x" * 2000}}
                for _ in range(20):
                    self.post(server, [event] * 200)
                self.post(server, {"taskId": task, "userId": user, "eventType": "COMPLETED"})
                got = read_until(slow, lambda got: b"COMPLETED" in got and got.endswith(b"\n\n\r\n"))
            versions = [each["version"] for each in events_of(got)]
            self.assertEqual(versions, sorted(versions))
            self.assertEqual(versions[-1], 4001)
            self.assertLess(len(versions), 4001, "it was thinned out")

    def test_a_finished_task_ends_its_stream_by_more_than_a_cut(self):
        with self.serve() as server:
            user, task = unique("user"), unique("task")
            self.post(server, [{"taskId": task, "userId": user, "eventType": kind} for kind in ("STARTED", "COMPLETED")])
            with self.connect(server) as client:
                client.sendall(f"GET /api/v2/progress/subscribe/{task} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                got = read_until(client, lambda _: False)  # raises at an end without close_notify
                self.assertTrue(got.endswith(b"\r\n0\r\n\r\n"))

    def test_a_new_certificate_holds_for_who_comes_and_cuts_nobody(self):
        with self.serve() as server, contextlib.ExitStack() as stack:
            user, context = unique("user"), self.context()
            clients = [stack.enter_context(self.subscribe(server, user, context=context)) for _ in range(300)]
            for client in clients:
                read_until(client, lambda got: b"event: live" in got)
            before = clients[0].getpeercert(binary_form=True)
            server.process.send_signal(signal.SIGHUP)  # no stop where there is something to read again
            self.certificates.renew()
            after = self.certificates.serial()
            self.assertNotEqual(before, after)

            def shown():
                try:
                    with self.connect(server) as newcomer:
                        return newcomer.getpeercert(binary_form=True)
                except ssl.SSLCertVerificationError:  # still the old one, which nobody vouches for any more
                    return None
            until(lambda: shown() == after, "the new certificate")
            self.post(server, {"taskId": unique("task"), "userId": user, "eventType": "STARTED"})
            for client in clients:
                self.assertIn(b"STARTED", read_until(client, lambda got: b"STARTED" in got))
            self.certificates.chain.write_text("no certificate")
            until(lambda: "the certificate and its key from before stay" in server.output(), "a complaint")
            with self.connect(server, context=self.context_of(after)) as newcomer:
                self.assertEqual(newcomer.getpeercert(binary_form=True), after)

    @staticmethod
    def context_of(certificate):
        return ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(certificate))


class Start(Tls):
    def test_what_cannot_be_used_refuses_the_start_in_one_line(self):
        for settings, why in ((["server.tls_cert=/no/such"], "server.tls_cert and server.tls_key: one is of no use without the other"),
                              (["server.tls_cert=/no/such", "server.tls_key=/no/such"], "cannot read a certificate from /no/such")):
            options = [text for setting in settings for text in ("--set", setting)]
            done = subprocess.run([servers.STEPCAST, "serve", "--set", "server.port=0", *options], capture_output=True, text=True,
                                  timeout=LIMIT_S, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(why, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()

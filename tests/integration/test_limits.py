"""`limits.*`: what one address or user may use. Embedded bus, memory store; the clients come by a trusted proxy, which is this test, so that
they have addresses of their own."""
import contextlib
import http.client
import pathlib
import socket
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))
from streams import LIMIT_S, Api, Stream, servers, unique, until, user_stream  # noqa: E402
from tokens import ISSUER, bearer  # noqa: E402

PROXIED = ("server.proxy_header=x-forwarded-for", 'server.trusted_proxies=["127.0.0.1"]')
FIRST, SECOND = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "2001:db8::1"))


ADA, BOB, WORKER = (bearer(ISSUER.token(user, scope)) for user, scope in (("ada", ""), ("bob", ""), ("worker", "publish admin")))


class Limits(unittest.TestCase):
    def serve_users(self, *settings):
        """One whose clients prove who they are."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        key = pathlib.Path(folder.name, "issuer.secret")
        key.write_bytes(ISSUER.secret)
        return servers.stepcast("auth.mode=jwt", f'auth.keys=["{key}"]', *settings)

    def until_refused(self, api, method, target, body=None, headers=None):
        """The answer that is not the first one's any more."""
        first = api.call(method, target, body, headers)
        for _ in range(1000):
            answer = api.call(method, target, body, headers)
            if answer[0] != first[0]:
                return answer
        self.fail(f"a thousand answers of {first[0]}")

    def test_an_address_sends_so_many_requests_a_second(self):
        with servers.stepcast(*PROXIED, "limits.address_requests=1") as server:
            api = Api(server)
            status, problem, headers = self.until_refused(api, "GET", "/openapi.json", headers=FIRST)
            self.assertEqual((status, problem["code"], headers["Retry-After"]), (429, "too-many-requests", "1"))
            self.assertEqual(api.call("GET", "/openapi.json", headers=SECOND)[0], 200)
            self.assertEqual(api.call("GET", "/healthz", headers=FIRST)[0], 200)
            self.assertGreaterEqual(api.series('stepcast_limited_total{by="address",what="requests"}'), 1)
            self.assertGreaterEqual(api.series('stepcast_limited_clients{by="address"}'), 2)

    def test_an_address_sends_so_many_events_a_second(self):
        with servers.stepcast(*PROXIED, "limits.address_events=1") as server:
            api = Api(server)
            events = [{"taskId": unique("task"), "userId": "u", "eventType": "STARTED"} for _ in range(100)]
            self.assertEqual(api.call("POST", "/api/v2/progress/events", events, FIRST)[0], 202)
            for target in ("/api/v2/progress/events", "/api/v2/progress/orders?userId=u&productName=p&quantity=1"):
                status, _, headers = api.call("POST", target, events[0] if "events" in target else None, FIRST)
                self.assertEqual(status, 429, target)
                self.assertGreater(int(headers["Retry-After"]), 30)
            self.assertEqual(api.call("GET", "/api/v2/progress/user/u", headers=FIRST)[0], 200)
            self.assertEqual(api.call("POST", "/api/v2/progress/events", events[0], SECOND)[0], 202)

    def test_an_address_is_sent_so_many_bytes_a_second(self):
        with servers.stepcast(*PROXIED, "limits.address_bytes=100") as server:
            api = Api(server)
            self.assertEqual(api.call("GET", "/openapi.json", headers=FIRST)[0], 200)
            status, _, headers = api.call("GET", "/openapi.json", headers=FIRST)
            self.assertEqual(status, 429)
            self.assertGreater(int(headers["Retry-After"]), 30)

    def test_an_address_has_so_many_streams_and_who_wants_more_is_told_to_come_again(self):
        with servers.stepcast(*PROXIED, "limits.address_streams=2") as server:
            api, target = Api(server), "/api/v2/progress/subscribe?userId="
            with user_stream(server, "a").settled(), user_stream(server, "b").settled():
                with Stream(server, target + "c") as third:
                    self.assertEqual(third.status, 200)
                    third.wait_end()
                    self.assertEqual(third.kinds(), [])
                    self.assertGreaterEqual(int(third.blocks[0]["retry"]), 5000)
                self.assertEqual(api.call("HEAD", target + "c", headers=FIRST)[0], 200, "another address")
                self.assertEqual(api.call("HEAD", target + "c")[0], 503)

    def held(self, server):
        """A connection of ours. The one that asked whether the server is up may have its place a little longer."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            client = socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S)
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if b" 200 " in client.recv(4096):
                return client
            client.close()
        self.fail("no place among those of the address")

    def test_an_address_has_so_many_connections(self):
        with servers.stepcast("limits.address_connections=3") as server:
            held = [self.held(server) for _ in range(3)]
            status, problem, _ = Api(server).get("/healthz")
            self.assertEqual((status, problem["code"]), (429, "too-many-connections"))
            for client in held:
                client.close()

    def test_a_user_has_so_many_streams_and_others_have_theirs(self):
        with self.serve_users("sse.max_streams_per_user=1") as server:
            api, target = Api(server), "/api/v2/progress/subscribe"
            with Stream(server, target, headers=ADA).settled():
                with Stream(server, target, headers=ADA) as second:
                    self.assertEqual(second.status, 200, "EventSource would give up")
                    second.wait_end()
                    self.assertEqual(second.kinds(), [])
                    self.assertGreaterEqual(int(second.blocks[0]["retry"]), 5000)
                status, _, headers = api.call("HEAD", target, headers=ADA)
                self.assertEqual((status, headers["Retry-After"] is not None), (503, True))
                self.assertEqual(api.call("HEAD", target, headers=BOB)[0], 200)

    def test_a_user_has_so_many_connections_and_streams_are_not_among_them(self):
        with self.serve_users("limits.user_connections=2") as server, contextlib.ExitStack() as stack:
            target = "/api/v2/progress/user/ada"

            def opened():
                return stack.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_S)))

            def ask(connection, whose=ADA, path=target):
                connection.request("GET", path, headers=whose)
                answer = connection.getresponse()
                answer.read()
                return answer
            for _ in range(3):
                stack.enter_context(Stream(server, "/api/v2/progress/subscribe", headers=ADA)).settled()
            kept = [opened(), opened()]
            for connection in (*kept, *kept):
                self.assertEqual(ask(connection).status, 200)
            refused = ask(opened())
            self.assertEqual((refused.status, refused.getheader("Retry-After"), refused.getheader("Connection")), (429, "5", "close"))
            self.assertEqual(ask(opened(), BOB, "/api/v2/progress/user/bob").status, 200)
            self.assertEqual(ask(kept[0], BOB, "/api/v2/progress/user/bob").status, 200, "a connection is whose name it last carried")
            until(lambda: ask(opened()).status == 200, "the place that it left")
            for _ in range(5):
                self.assertEqual(ask(opened(), WORKER, "/api/v2/progress/user/worker").status, 200, "who may publish has any number")

    def test_a_user_sends_so_many_requests_a_second(self):
        with self.serve_users("limits.user_requests=1") as server:
            api, target = Api(server), "/api/v2/progress/user/ada"
            status, problem, headers = self.until_refused(api, "GET", target, headers=ADA)
            self.assertEqual((status, problem["code"], headers["Retry-After"]), (429, "too-many-requests", "1"))
            self.assertIn("limits.user_requests", problem["detail"])
            self.assertEqual(api.call("GET", "/api/v2/progress/user/bob", headers=BOB)[0], 200)
            self.assertRegex(api.call("GET", "/metrics", headers=WORKER)[1], r'stepcast_limited_total{by="user",what="requests"} [1-9]')

    def test_a_user_sends_so_many_events_a_second_and_a_publisher_any_number(self):
        with self.serve_users("limits.user_events=1") as server:
            api, target = Api(server), "/api/v2/progress/events"
            events = [{"taskId": unique("task"), "eventType": "STARTED"} for _ in range(100)]
            self.assertEqual(api.call("POST", target, events, ADA)[0], 202)
            status, _, headers = api.call("POST", target, events[:1], ADA)
            self.assertEqual(status, 429)
            self.assertGreater(int(headers["Retry-After"]), 30)
            self.assertEqual(api.call("GET", "/api/v2/progress/user/ada", headers=ADA)[0], 200)
            self.assertEqual(api.call("POST", target, [{**event, "userId": "bob", "taskId": unique("task")} for event in events], WORKER)[0], 202)
            self.assertEqual(api.call("POST", target, {"taskId": unique("task"), "userId": "bob", "eventType": "STARTED"}, WORKER)[0], 202)

    def test_a_user_is_sent_so_many_bytes_a_second_and_its_stream_comes_back_later(self):
        with self.serve_users("limits.user_bytes=100") as server:
            api, target = Api(server), "/api/v2/progress/user/ada"
            events = [{"taskId": unique("task"), "userId": "ada", "eventType": "STARTED"} for _ in range(30)]
            self.assertEqual(api.call("POST", "/api/v2/progress/events", events, WORKER)[0], 202)
            self.assertEqual(api.call("GET", target, headers=ADA)[0], 200)
            status, _, headers = api.call("GET", target, headers=ADA)
            self.assertEqual(status, 429)
            self.assertGreater(int(headers["Retry-After"]), 20)
            with Stream(server, "/api/v2/progress/subscribe", headers=ADA) as stream:
                self.assertEqual(stream.status, 200)
                stream.wait_end()
                self.assertEqual(stream.kinds(), [])
                self.assertGreaterEqual(int(stream.blocks[0]["retry"]), 20_000)

    def test_by_default_there_are_none(self):
        with servers.stepcast() as server:
            self.assertNotIn("stepcast_limited", Api(server).get("/metrics")[1])


if __name__ == "__main__":
    unittest.main()

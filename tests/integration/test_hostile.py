"""What clients that mean no good can hold, cost and reach. Embedded bus, memory store."""
import json
import select
import socket
import time
import unittest

from streams import LIMIT_S, Api, servers, task_stream, unique, until, user_stream


def resident(server):
    """MiB that the server holds."""
    with open(f"/proc/{server.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def speak(server, text, receive_buffer=None):
    """A socket that has sent this and reads nothing."""
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect(("127.0.0.1", server.port))
    client.settimeout(30)
    client.sendall(text)
    return client


def read_all(client):
    text = b""
    while piece := client.recv(65536):
        text += piece
    return text


class Memory(unittest.TestCase):
    def test_clients_that_read_nothing_cost_little_and_nobody_waits_for_them(self):
        with servers.stepcast("store.max_bytes=64MiB") as server:
            api, task, user = Api(server), unique("task"), unique("user")
            for _ in range(8):
                event = {"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 5, "detail": {"k": "x" * 900}}
                self.assertEqual(api.post([event] * 900)[0], 202)
            before, clients = resident(server), []
            for target in (f"history/{task}", f"user/{user}") * 50:
                clients.append(speak(server, f"GET /api/v2/progress/{target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 4096))
            for client in clients:
                self.assertEqual(client.recv(12), b"HTTP/1.1 200")
            self.assertEqual([event["version"] for event in api.history(task)], list(range(1, 7201)))
            self.assertLess(resident(server) - before, 60, "of 100 answers of 8 MiB")
            until(lambda: api.series('stepcast_http_pending_bytes{of="answers"}') > 1e6, "what waits is seen")
            for client in clients:
                client.close()
            until(lambda: api.series('stepcast_http_pending_bytes{of="answers"}') == 0, "it is given back")

    def test_requests_that_are_never_whole_are_bounded_together(self):
        with servers.stepcast("http.max_pending_bytes=8MiB") as server:
            before, clients = resident(server), []
            head = b"POST /api/v2/progress/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
            many = b"GET /?" + b"a&" * 4000 + b" HTTP/1.1\r\nHost: localhost\r\n"
            for text in [many] * 100 + [head + b"x" * 999_999] * 40:
                try:
                    clients.append(speak(server, text))
                except OSError:
                    pass  # refused while it was sending
            api = Api(server)
            self.assertEqual(api.event(unique("task"), "u", "STARTED")["taskId"][:4], "task", "whoever is small goes on")
            self.assertLess(resident(server) - before, 30)
            for client in clients:
                client.close()


class TurnedAway(unittest.TestCase):
    def test_whoever_gets_no_stream_keeps_no_connection(self):
        with servers.stepcast("sse.max_streams=1") as server:
            api, task, user = Api(server), unique("task"), unique("user")
            api.event(task, user, "COMPLETED")
            cursor = api.get("/api/v2/progress/monitor")[1]["store"]
            cursor = f"{cursor['epoch']}.{cursor['position']}"
            finished = f"/api/v2/progress/subscribe/{task}"
            for target, headers, status in ((finished, {"Last-Event-ID": cursor}, 204), (finished + "?userId=x", {}, 403),
                                            ("/api/v2/progress/subscribe", {}, 400)):
                answer = api.call("GET", target, headers={"Accept": "text/event-stream", **headers})
                self.assertEqual((answer[0], answer[2]["Connection"]), (status, "close"), target)
            self.assertIsNone(api.status(task)[2]["Connection"])
            with user_stream(server, user).settled():
                answer = api.call("GET", finished, headers={"Accept": "text/event-stream"})
                self.assertEqual((answer[0], answer[2]["Connection"]), (200, "close"))
                self.assertIn("retry: ", answer[1])
                answer = api.call("GET", finished)
                self.assertEqual((answer[0], answer[2]["Connection"]), (503, "close"))

    def test_idle_connections_do_not_keep_others_out(self):
        with servers.stepcast("http.max_connections=50") as server:
            idle = [speak(server, b"") for _ in range(50)]
            api = Api(server)
            for _ in range(5):
                self.assertEqual(api.get("/healthz")[0], 200)
            # Of one lane the longest idle goes; which lane it is depends on which has had its turn.
            closed = select.select(idle, [], [], LIMIT_S)[0]
            self.assertEqual([client.recv(1) for client in closed[:1]], [b""])
            for client in idle:
                client.close()


class Told(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast()
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_no_answer_is_sniffed_and_what_is_a_users_stays_with_them(self):
        task, user = unique("task"), unique("user")
        self.api.event(task, user, "COMPLETED")
        progress = "/api/v2/progress"
        own = {"private, no-cache"}
        never = {"no-store"}
        for method, target, status, caching in (
                ("GET", f"{progress}/status/{task}", 200, own), ("HEAD", f"{progress}/status/{task}", 200, own),
                ("GET", f"{progress}/history/{task}", 200, own), ("GET", f"{progress}/user/{user}", 200, own),
                ("GET", f"{progress}/status/{unique('none')}", 404, never), ("GET", f"{progress}/status/{task}?version=0", 400, never),
                ("POST", f"{progress}/events", 400, never), ("DELETE", f"{progress}/status/{task}", 405, never),
                ("OPTIONS", "*", 204, never), ("GET", "/nothing", 404, never), ("BREW", "/", 501, never),
                ("GET", f"{progress}/monitor", 200, never), ("GET", "/metrics", 200, never), ("GET", "/", 200, {"no-cache"}),
                ("HEAD", f"{progress}/subscribe?userId={user}", 200, {"no-cache, no-store, no-transform"})):
            answer = self.api.call(method, target, headers={"If-None-Match": '"x"'})
            given = (answer[0], answer[2]["X-Content-Type-Options"], answer[2]["Cache-Control"])
            self.assertEqual(given, (status, "nosniff", *caching), (method, target))
        unchanged = self.api.get(f"{progress}/status/{task}", If_None_Match='"v1"')
        self.assertEqual((unchanged[0], unchanged[2]["Cache-Control"]), (304, *own))
        with task_stream(self.server, task) as stream:
            self.assertEqual(stream.answer.getheader("X-Content-Type-Options"), "nosniff")

    def test_strangers_see_no_path_of_this_machine(self):
        self.assertIn("path", self.api.get("/api/v2/progress/monitor")[1]["store"])
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
            answer = self.api.call("GET", "/api/v2/progress/monitor", headers={header: "for=127.0.0.1"})
            self.assertEqual((answer[0], answer[1]["code"]), (403, "admin-needs-auth"), header)


class Stop(unittest.TestCase):
    def test_a_client_that_does_not_read_its_recovery_does_not_hold_the_stop(self):
        with servers.stepcast() as server:
            api, user = Api(server), unique("user")
            for _ in range(200):
                api.event(unique("task"), user, "STARTED", detail={"k": "x" * 8000})
            text = f"GET /api/v2/progress/subscribe?userId={user} HTTP/1.1\r\nHost: localhost\r\n\r\n"
            client = speak(server, text.encode(), 4096)
            self.assertEqual(client.recv(12), b"HTTP/1.1 200")
            began = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - began, 8)
            client.close()


class Names(unittest.TestCase):
    def test_a_page_whose_name_was_bent_to_us_is_turned_away(self):
        with servers.stepcast('http.hosts=["shop.example"]') as server:
            api = Api(server)
            for host, status in (("evil.example", 421), (f"localhost:{server.port}", 200), ("shop.example", 200)):
                self.assertEqual(api.get("/metrics", Host=host)[0], status, host)
                answer = api.call("POST", "/api/v2/progress/events", {"taskId": "t", "userId": "u", "eventType": "PROGRESS"},
                                  {"Host": host, "Origin": f"http://{host}"})
                self.assertEqual(answer[0], 202 if status == 200 else 421, host)
            self.assertEqual(api.get("/healthz", Host="10.0.0.1")[0], 200)

    def test_where_every_name_is_answered_it_makes_no_admin_calls(self):
        with servers.stepcast("server.host=0.0.0.0") as server:
            api = Api(server)
            for target in ("/metrics", "/api/v2/progress/monitor"):
                status, problem, _ = api.get(target, Host="evil.example")
                self.assertEqual((status, problem["code"]), (403, "admin-needs-auth"))
                self.assertEqual(api.get(target)[0], 200)
            self.assertEqual(api.get("/api/v2/progress/user/u", Host="shop.example")[0], 200)


if __name__ == "__main__":
    unittest.main()

"""Who may call what, on the real binary: every row of its table, with every kind of caller."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from streams import LIMIT_S, Api, servers, unique, until  # noqa: E402
from tokens import ISSUER, Issuer, bearer  # noqa: E402

ELSEWHERE = {"X-Forwarded-For": "192.0.2.1"}


class Door:
    """A port of a server."""

    def __init__(self, port):
        self.port = port


class Admins(unittest.TestCase):
    def test_without_auth_admin_calls_are_for_this_machine(self):
        with servers.stepcast() as server:
            api = Api(server)
            until(lambda: api.get("/readyz")[0] == 200, "readiness")
            for target in ("/metrics", "/api/v2/progress/monitor"):
                self.assertEqual(api.get(target)[0], 200)
                status, problem, _ = api.call("GET", target, headers=ELSEWHERE)
                self.assertEqual((status, problem["code"]), (403, "admin-needs-auth"))
            for target in ("/healthz", "/readyz", "/openapi.json", "/"):
                self.assertEqual(api.call("GET", target, headers=ELSEWHERE)[0], 200, target)
            self.assertEqual(api.call("POST", "/api/session", headers=bearer("a.b.c"))[0], 404)
            for target, body in (("events", {"taskId": "t", "eventType": "STARTED"}), ("orders", {"productName": "x", "quantity": 1})):
                status, problem, _ = api.call("POST", f"/api/v2/progress/{target}", body)
                self.assertEqual((status, problem["field"]), (400, "userId"))
                self.assertIn("userId", api.get("/openapi.json")[1]["components"]["schemas"]["SentOrder"]["required"])

    def test_the_admin_port_serves_admin_calls_and_health_to_whoever_reaches_it(self):
        port = servers.free_port()
        with servers.stepcast(f"server.admin_port={port}") as server:
            admin, api = Api(Door(port)), Api(server)
            until(lambda: servers.answers(port), "the admin port, which is opened behind the other")
            until(lambda: admin.get("/readyz")[0] == 200, "readiness")
            for target in ("/metrics", "/api/v2/progress/monitor", "/healthz", "/readyz"):
                self.assertEqual(admin.call("GET", target, headers=ELSEWHERE)[0], 200, target)
            for target in ("/", "/api/v2/progress/status/x", "/api/v2/progress/subscribe?userId=u"):
                self.assertEqual(admin.get(target)[0], 404, target)
            self.assertEqual(admin.call("POST", "/api/v2/progress/events", {})[0], 404)
            self.assertEqual(api.call("GET", "/metrics", headers=ELSEWHERE)[0], 403)


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.keys = pathlib.Path(cls.folder.name, "issuer.secret")
        cls.keys.write_bytes(ISSUER.secret)
        cls.server = servers.stepcast("auth.mode=jwt", f'auth.keys=["{cls.keys}"]', "auth.leeway=0s", "orders.step_delay=20ms")
        cls.api = Api(cls.server)
        cls.task = unique("task")
        cls.send(cls.task, "ada", ISSUER.token("worker", "publish"))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    @classmethod
    def send(cls, task, user, token, **more):
        event = {"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 10, **more}
        return cls.api.call("POST", "/api/v2/progress/events", event, bearer(token))

    def ask(self, method, target, headers, body=None):
        """Status and headers of an answer, whose body may go on for ever."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=LIMIT_S)
        try:
            given = {**headers, **({"Content-Type": "application/json"} if body else {})}
            connection.request(method, target, body=json.dumps(body) if body else None, headers=given)
            answer = connection.getresponse()
            return answer.status, answer.headers
        finally:
            connection.close()

    def calls(self):
        """(access, method, target, body) of every operation, about what is ada's."""
        first, second, closing = (self.account() for _ in range(3))
        transfer = self.made("/api/transfers", {"from": first, "to": second, "amount": 1})["transferId"]
        bodies = {"/api/v2/progress/events": {"taskId": unique("t"), "userId": "ada", "eventType": "STARTED"},
                  "/api/v2/progress/orders": {"userId": "ada", "productName": "x", "quantity": 1},
                  "/api/accounts": {"owner": "ada"}, "/api/accounts/{accountId}/close": {"reason": "x"},
                  "/api/accounts/commands": {"type": "DEPOSIT_MONEY", "accountId": first, "amount": 1},
                  **{f"/api/accounts/{{accountId}}/{what}": {"amount": 1} for what in ("deposits", "withdrawals")},
                  "/api/transfers": {"from": first, "to": second, "amount": 1}}
        for path, operations in self.api.get("/openapi.json")[1]["paths"].items():
            for method, operation in operations.items():
                names = {"{stream}": f"progress-{self.task}", "{taskId}": self.task, "{userId}": "ada", "{topic}": "progress-events", "{correlationId}": "nothing", "{accountId}": closing if path.endswith("/close") else first, "{id}": transfer}
                target = path
                for name, value in names.items():
                    target = target.replace(name, value)
                queries = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
                if "userId" in queries and path not in bodies:
                    target += "?userId=ada"
                yield operation["x-access"], method.upper(), target, bodies.get(path) if method != "get" else None

    def made(self, target, body):
        """What a call of ada's is answered that makes something."""
        status, answer, _ = self.api.call("POST", target, body, bearer(ISSUER.token("ada")))
        self.assertLess(status, 300, answer)
        return answer

    def account(self):
        return self.made("/api/accounts", {"owner": "ada", "initialBalance": 100})["accountId"]

    def test_a_body_is_not_waited_for_before_its_caller_is_judged(self):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=LIMIT_S) as client:
            client.sendall(b"POST /api/v2/progress/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 100000\r\n\r\n[")
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 401 "))

    def test_the_past_of_anothers_task_tells_nothing(self):
        for past in ("version=1", "version=99", "at=2000-01-01T00:00:00Z", "at=2100-01-01T00:00:00Z"):
            self.assertEqual(self.ask("GET", f"/api/v2/progress/status/{self.task}?{past}", bearer(ISSUER.token("eve")))[0], 403, past)

    def test_no_call_that_is_not_open_is_answered_without_a_valid_token(self):
        invalid = {"none": {}, "expired": bearer(ISSUER.token("ada", "admin publish", seconds=-1)),
                   "of another issuer": bearer(Issuer(b"x" * 40).token("ada", "admin publish")),
                   "changed": bearer(ISSUER.token("ada")[:-2] + "AA"), "no token": bearer("a.b.c"),
                   "another scheme": {"Authorization": "Basic YWRhOmFkYQ=="}}
        for access, method, target, body in self.calls():
            for name, headers in invalid.items():
                with self.subTest(f"{method} {target}, {name}"):
                    status, answer = self.ask(method, target, headers, body)
                    if access == "open":
                        self.assertLess(status, 300)
                        continue
                    self.assertEqual((status, answer["Content-Type"]), (401, "application/problem+json"))
                    self.assertTrue(answer["WWW-Authenticate"].startswith("Bearer realm="))

    def test_the_owner_may_call_what_is_its_own_and_nobody_else(self):
        for access, method, target, body in self.calls():
            for caller, scope in (("ada", ""), ("bob", ""), ("bob", "admin"), ("worker", "publish")):
                with self.subTest(f"{method} {target}, {caller} with {scope or 'no scope'}"):
                    status, _ = self.ask(method, target, bearer(ISSUER.token(caller, scope)), body)
                    if access == "admin":
                        allowed = scope == "admin"
                    elif "/v2/" in target or "/v1/" in target:
                        allowed = caller == "ada" or (body and scope == "publish")
                    else:  # admins may call what is another's in the bank, and anybody who is signed in pays in
                        for_all = "session" in target or target.endswith(("/deposits", "/commands")) or (method, target) == ("GET", "/api/accounts")
                        allowed = access == "open" or for_all or caller == "ada" or scope == "admin"
                    # What is done already is refused to who may do it; and there is no dead letter here, nor a trace.
                    nothing_there = "/dead-letters/" in target or "/traces/" in target
                    self.assertEqual(status < 300 or status == (404 if nothing_there else 409), bool(allowed), status)
                    if not allowed:
                        self.assertEqual(status, 403)

    def test_an_absent_user_is_the_caller(self):
        token = bearer(ISSUER.token("ada"))
        for target in ("/api/v2/progress/subscribe", "/api/v1/progress/subscribe", f"/api/v2/progress/subscribe/{self.task}"):
            self.assertEqual(self.ask("GET", target, token)[0], 200, target)
            self.assertEqual(self.ask("GET", f"{target}?userId=", token)[0], 400, target)
        bob = bearer(ISSUER.token("bob"))
        self.assertEqual(self.ask("GET", f"/api/v2/progress/subscribe/{self.task}", bob)[0], 403)
        status, order, _ = self.api.call("POST", "/api/v2/progress/orders?productName=x&quantity=1", headers=token)
        self.assertEqual(status, 202)
        until(lambda: self.api.call("GET", f"/api/v2/progress/status/{order['taskId']}", headers=token)[0] == 200, "ada's order")

    def test_what_is_sent_without_a_user_is_of_who_sends_it(self):
        token, event = bearer(ISSUER.token("ada")), {"taskId": unique("t"), "eventType": "STARTED"}
        for body in (event, [{**event, "eventType": "PROGRESS"}, {**event, "userId": None, "eventType": "COMPLETED"}]):
            self.assertEqual(self.api.call("POST", "/api/v2/progress/events", body, token)[0], 202, body)
        until(lambda: self.api.call("GET", f"/api/v2/progress/status/{event['taskId']}", headers=token)[1].get("status") == "COMPLETED", "it")
        status, problem, _ = self.api.call("POST", "/api/v2/progress/events", [event, {**event, "userId": "bob"}], token)
        self.assertEqual((status, problem["field"]), (403, "[1].userId"))
        status, order, _ = self.api.call("POST", "/api/v2/progress/orders", {"productName": "x", "quantity": 1}, token)
        self.assertEqual(status, 202)
        until(lambda: self.api.call("GET", f"/api/v2/progress/status/{order['taskId']}", headers=token)[0] == 200, "ada's order")
        schemas = self.api.get("/openapi.json")[1]["components"]["schemas"]
        self.assertEqual([schemas[name]["required"] for name in ("SentEvent", "SentOrder")],
                         [["taskId", "eventType"], ["productName", "quantity"]])

    def test_one_event_of_another_refuses_all_and_is_named(self):
        events = [{"taskId": unique("t"), "userId": user, "eventType": "STARTED"} for user in ("bob", "bob", "ada")]
        status, problem, _ = self.api.call("POST", "/api/v2/progress/events", events, bearer(ISSUER.token("bob")))
        self.assertEqual((status, problem["code"], problem["field"]), (403, "not-owner", "[2].userId"))
        self.assertEqual(self.ask("GET", f"/api/v2/progress/status/{events[0]['taskId']}", bearer(ISSUER.token("bob")))[0], 404)

    def test_at_the_end_of_the_token_the_stream_says_bye_and_a_new_one_resumes_without_loss(self):
        user, worker = unique("user"), ISSUER.token("worker", "publish")
        task = unique("task")
        self.send(task, user, worker)

        def lines(token, cursor=None):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=LIMIT_S)
            connection.request("GET", "/api/v2/progress/subscribe", headers={**bearer(token), **({"Last-Event-ID": cursor} if cursor else {})})
            return connection, connection.getresponse()
        connection, stream = lines(ISSUER.token(user, seconds=3))
        text = stream.read().decode()  # to its end, which is meant: a cut would raise
        connection.close()
        self.assertIn('event: bye\ndata: {"reason":"auth"}\n\n', text)
        cursor = [line[4:] for line in text.splitlines() if line.startswith("id: ")][-1]
        self.send(task, user, worker, percentage=77)
        connection, stream = lines(ISSUER.token(user, seconds=60), cursor)
        missed = b""
        while b"event: live" not in missed:
            missed += stream.readline()
        connection.close()
        self.assertEqual(missed.count(b"event: progress\n"), 1)
        self.assertIn(b'"percentage":77', missed)

    def test_a_page_swaps_its_token_for_a_cookie(self):
        token = ISSUER.token("ada")
        status, headers = self.ask("POST", "/api/session", bearer(token))
        self.assertEqual(status, 204)
        cookie, _, attributes = headers["Set-Cookie"].partition("; ")
        for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
            self.assertIn(attribute, attributes)
        session = {"Cookie": cookie}
        self.assertEqual(self.ask("GET", "/api/v2/progress/subscribe", session)[0], 200)
        event = {"taskId": unique("t"), "userId": "ada", "eventType": "STARTED"}
        self.assertEqual(self.ask("POST", "/api/v2/progress/events", session, event)[0], 403)
        own = {**session, "Origin": f"http://127.0.0.1:{self.server.port}"}
        self.assertEqual(self.ask("POST", "/api/v2/progress/events", own, event)[0], 202)
        self.assertEqual(self.ask("POST", "/api/session", {**bearer(token), "Host": "192.0.2.1"})[0], 421)
        self.assertEqual(self.ask("POST", "/api/session", {**bearer(token), **ELSEWHERE})[0], 400)
        status, headers = self.ask("DELETE", "/api/session", {})
        self.assertEqual((status, "Max-Age=0" in headers["Set-Cookie"]), (204, True))

    def test_no_token_stands_in_the_log(self):
        token = ISSUER.token("ada", seconds=-1)
        self.ask("GET", "/api/v2/progress/subscribe", bearer(token))
        self.assertNotIn(token[:40], self.server.output())


class Demo(unittest.TestCase):
    def test_the_demonstration_gives_tokens_on_its_own_machine_only_and_only_if_asked_to(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "k.secret")
            file.write_bytes(ISSUER.secret)
            jwt, ada = ("auth.mode=jwt", f'auth.keys=["{file}"]'), {"userId": "ada", "password": "x"}
            with servers.stepcast(*jwt) as server:
                self.assertEqual(Api(server).call("POST", "/api/auth/token", ada)[0], 404)
            with servers.stepcast(*jwt, "auth.demo=true", 'http.hosts=["evil.example"]') as server:
                api = Api(server)
                status, given, _ = api.call("POST", "/api/auth/token", ada)
                self.assertEqual((status, given["expiresIn"]), (200, 3600))
                self.assertEqual(api.call("GET", "/api/v2/progress/user/ada", headers=bearer(given["token"]))[0], 200)
                self.assertEqual(api.call("GET", "/api/v2/progress/user/bob", headers=bearer(given["token"]))[0], 403)
                self.assertEqual(api.call("POST", "/api/auth/token", ada, ELSEWHERE)[0], 403)
                self.assertEqual(api.call("POST", "/api/auth/token", ada, {"Host": f"evil.example:{server.port}"})[0], 403)
                self.assertEqual(api.call("POST", "/api/auth/token", {"userId": "ada", "password": ""})[0], 401)
                self.assertEqual(api.call("POST", "/api/auth/token", {"password": "x"})[0], 400)
                self.assertEqual(api.call("POST", "/api/auth/token", "x")[0], 400)


class Keys(unittest.TestCase):
    def test_new_keys_are_taken_without_a_restart_and_old_ones_no_more(self):
        with tempfile.TemporaryDirectory() as folder:
            file, second = pathlib.Path(folder, "k.secret"), Issuer(b"another secret of the tests, long enough too")
            file.write_bytes(ISSUER.secret)
            with servers.stepcast("auth.mode=jwt", f'auth.keys=["{file}"]') as server:
                api = Api(server)
                status = lambda issuer: api.call("GET", "/api/v2/progress/user/u", headers=bearer(issuer.token("u")))[0]  # noqa: E731
                self.assertEqual((status(ISSUER), status(second)), (200, 401))
                file.write_bytes(second.secret)
                os.utime(file, ns=(0, 1))  # both may have been written within one grain of the file's time
                until(lambda: status(second) == 200, "the new key")
                self.assertEqual(status(ISSUER), 401)
                file.write_bytes(b"short")
                until(lambda: "its keys from before stay" in server.output(), "the line of the log")
                self.assertEqual(status(second), 200)
                file.write_bytes(ISSUER.secret)
                server.process.send_signal(signal.SIGHUP)
                until(lambda: status(ISSUER) == 200, "the key that SIGHUP made known")
                self.assertEqual(server.stop(), 0, server.output())

    def test_streams_end_with_the_key_that_proved_them_and_a_typo_keeps_nobody_from_that(self):
        with tempfile.TemporaryDirectory() as folder:
            keys, publishers = pathlib.Path(folder, "keys"), pathlib.Path(folder, "publishers")
            keys.mkdir()
            (keys / "k.secret").write_bytes(ISSUER.secret)
            workers = {}
            for name in ("farm", "mill", "typo"):
                done = subprocess.run([servers.STEPCAST, "token", "keygen", "--publish", name, "--file", publishers], capture_output=True,
                                      text=True, timeout=LIMIT_S, check=True)
                workers[name] = done.stdout.strip()
            with servers.stepcast("auth.mode=jwt", f'auth.keys=["{keys}"]', f"auth.publisher_keys={publishers}") as server:
                streams = {name: self.stream(server, token) for name, token in {**workers, "ada": ISSUER.token("ada")}.items()}
                lines = publishers.read_text().splitlines()
                publishers.write_text("\n".join([lines[1], "typo " + lines[2][:20]]) + "\n")
                for name in ("farm", "typo"):
                    self.assertIn(b'event: bye\ndata: {"reason":"auth"}', streams.pop(name).read())
                self.assertIn("line 2: it must be a name", server.output())
                self.assertIn("that line holds for nobody", server.output())
                (keys / "k.secret").unlink()
                self.assertIn(b'event: bye\ndata: {"reason":"auth"}', streams.pop("ada").read())
                self.assertIn("nobody is believed by it any more", server.output())
                api = Api(server)
                self.assertEqual(api.call("GET", "/api/v2/progress/user/ada", headers=bearer(ISSUER.token("ada")))[0], 401)
                event = {"taskId": unique("task"), "userId": "mill", "eventType": "STARTED"}
                self.assertEqual(api.call("POST", "/api/v2/progress/events", event, bearer(workers["mill"]))[0], 202)
                stream, text = streams.pop("mill"), b""
                while b"STARTED" not in text:
                    text += stream.readline()

    def stream(self, server, token):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_S)
        self.addCleanup(connection.close)
        connection.request("GET", "/api/v2/progress/subscribe", headers=bearer(token))
        return connection.getresponse()

    def test_refused_tokens_are_counted_by_reason(self):
        with tempfile.TemporaryDirectory() as folder:
            file, port = pathlib.Path(folder, "k.secret"), servers.free_port()
            file.write_bytes(ISSUER.secret)
            with servers.stepcast("auth.mode=jwt", f'auth.keys=["{file}"]', f"server.admin_port={port}") as server:
                api, admin = Api(server), Api(Door(port))
                for token in ("a.b.c", ISSUER.token("u", seconds=-100), ISSUER.token("u", aud="other"), Issuer(b"x" * 40).token("u")):
                    self.assertEqual(api.call("GET", "/api/v2/progress/user/u", headers=bearer(token))[0], 401)
                for reason in ("malformed", "expired", "audience", "signature"):
                    self.assertEqual(admin.series(f'stepcast_auth_failures_total{{reason="{reason}"}}'), 1, reason)
                self.assertEqual(admin.metric("stepcast_auth_failures_total"), 4)

    def test_a_key_that_cannot_be_used_refuses_the_start_and_names_the_file(self):
        done = subprocess.run([servers.STEPCAST, "serve", "--set", "auth.mode=jwt", "--set", 'auth.keys=["/nowhere/key.pem"]',
                               "--set", f"server.port={servers.free_port()}"], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere/key.pem", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()

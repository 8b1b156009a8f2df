"""Webhooks at a receiver that fails, hangs, redirects and is away while the server is killed; what arrives is verified by Standard Webhooks'
own library (PyPI)."""
import base64
import collections
import contextlib
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from certificates import Certificates  # noqa: E402
from streams import ENVIRONMENT, LIMIT_S, Api, crash, servers, unique, until  # noqa: E402
from versions import PYTHON  # noqa: E402

VERIFY = """
import json, sys, standardwebhooks
for secret, headers, body in json.load(sys.stdin):
    standardwebhooks.Webhook(secret).verify(body, headers)
    print(headers["webhook-id"])
"""
SETTINGS = """
[webhooks.good]
events = ["COMPLETED", "FAILED", "STALLED"]
[webhooks.flaky]
events = ["COMPLETED"]
[webhooks.hangs]
events = ["FAILED"]
timeout = "200ms"
max_attempts = 2
[webhooks.redirects]
events = ["FAILED"]
max_attempts = 1
[webhooks.floods]
events = ["FAILED"]
max_attempts = 1
[webhooks.secure]
events = ["COMPLETED"]
[webhooks.away]
events = ["COMPLETED"]
"""
Told = collections.namedtuple("Told", "headers body status")


class Receiver:
    """Keeps what each path is told; `answers` says with what status, None: no answer until it is released."""

    def __init__(self, tls=None):
        self.told, self.lock = collections.defaultdict(list), threading.Lock()
        self.answers, self.released = {}, threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                name = self.path.strip("/")
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status = outer.answers.get(name, lambda told: 200)(outer.of(name, json.loads(body)["data"]["taskId"]))
                with outer.lock:
                    outer.told[name].append(Told(dict(self.headers), body, status))
                if status is None:
                    outer.released.wait(LIMIT_S)
                    return
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                flood = b"x" * (1024 * 1024 if name == "floods" else 0)
                self.send_header("Content-Length", str(len(flood)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(flood)

            def do_GET(self):
                with outer.lock:
                    outer.told[self.path].append(None)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, name, task):
        with self.lock:
            return [told for told in self.told[name] if json.loads(told.body)["data"]["taskId"] == task]

    def ids(self, name, task):
        return [told.headers["webhook-id"] for told in self.of(name, task)]

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class Webhooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.receiver = Receiver()
        cls.addClassCleanup(cls.receiver.close)
        cls.certificate = Certificates()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cls.certificate.chain, cls.certificate.key)
        cls.secure = Receiver(tls)
        cls.addClassCleanup(cls.secure.close)
        cls.secret = cls.make_secret()
        (cls.folder / "secret").write_text(cls.secret + "\n")
        settings = ""
        for line in SETTINGS.splitlines():
            settings += line + "\n"
            if line.startswith("["):
                name = line[len("[webhooks."):-1]
                at = f"https://localhost:{cls.secure.port}" if name == "secure" else f"http://127.0.0.1:{cls.receiver.port}"
                settings += (f'url = "{at}/{name}"\nca = "{cls.certificate.chain}"\nsecret_file = "{cls.folder}/secret"\nallow_private = true\n'
                             'retry = "20ms"\nretry_max = "200ms"\n')
        # Of a name that only has addresses that are not public.
        settings += (f'[webhooks.private]\nurl = "http://localhost:{cls.receiver.port}/private"\nsecret_file = "{cls.folder}/secret"\n'
                     'events = ["FAILED"]\nmax_attempts = 1\n')
        (cls.folder / "config.toml").write_text(settings)
        cls.start()
        cls.addClassCleanup(lambda: cls.server.stop())

    @staticmethod
    def make_secret():
        return "whsec_" + base64.b64encode(os.urandom(32)).decode()

    @classmethod
    def start(cls):
        cls.server = servers.stepcast(f"store.path={cls.folder}/journal", "progress.stall_after=300ms", "log.level=info",
                                      env={"STEPCAST_CONFIG": str(cls.folder / "config.toml")})
        cls.api = Api(cls.server)
        until(lambda: cls.api.get("/readyz")[0] == 200, lambda: f"ready: {cls.server.output()}")

    def ended(self, kind):
        task = unique("task")
        self.api.event(task, "ada", "STARTED")
        self.api.event(task, "ada", kind)
        return task

    def verified(self, name, tasks, secret=None):
        told = [one for task in tasks for one in self.receiver.of(name, task)]
        done = subprocess.run([PYTHON, "-c", VERIFY], input=json.dumps([[secret or self.secret, one.headers, one.body] for one in told]),
                              capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def letters(self, webhook, task):
        return [letter for letter in self.api.get("/api/dead-letters?limit=1000")[1]
                if (letter["consumer"], letter["key"]) == (f"webhook-{webhook}", task)]

    def test_ends_and_stalls_are_told_and_signed(self):
        completed, failed, stalled = self.ended("COMPLETED"), self.ended("FAILED"), unique("작업 1")
        self.api.event(stalled, "ada", "PROGRESS", percentage=30)
        tasks = (completed, failed, stalled)
        for task in tasks:
            until(lambda: self.receiver.ids("good", task), lambda: f"{task}: {self.server.output()}")
        encoded = "%EC%9E%91%EC%97%85%201" + stalled[len("작업 1"):]
        self.assertEqual(self.verified("good", tasks), [f"{completed}:2:COMPLETED", f"{failed}:2:FAILED", f"{encoded}:1:STALLED"])
        body = json.loads(self.receiver.of("good", completed)[0].body)
        self.assertEqual(body, {"type": "COMPLETED", "timestamp": body["timestamp"], "data": self.api.history(completed)[1]})
        self.assertEqual(json.loads(self.receiver.of("good", stalled)[0].body)["data"], self.api.history(stalled)[0])
        self.assertEqual(self.receiver.ids("away", failed), [], "it is not told of failures")
        until(lambda: self.secure.ids("secure", completed), lambda: f"by TLS: {self.server.output()}")
        # Whoever moves again is told of once more when it stalls again.
        self.api.event(stalled, "ada", "PROGRESS", percentage=40)
        until(lambda: len(self.receiver.ids("good", stalled)) == 2, "the second stall")
        self.assertEqual(self.receiver.ids("good", stalled)[1], f"{encoded}:2:STALLED")

    def test_what_fails_is_sent_again_with_the_same_id_and_bytes(self):
        self.receiver.answers["flaky"] = lambda told: 500 if len(told) < 2 else 204
        tasks = [self.ended("COMPLETED") for _ in range(20)]
        for task in tasks:
            until(lambda: len(self.receiver.of("flaky", task)) == 3, lambda: f"three attempts: {self.receiver.ids('flaky', task)}")
            self.assertEqual(set(self.receiver.ids("flaky", task)), {f"{task}:2:COMPLETED"})
            self.assertEqual(len({told.body for told in self.receiver.of("flaky", task)}), 1)
        self.assertEqual(len(self.verified("flaky", tasks)), 60)
        # It held nobody else up, and all ends.
        until(lambda: self.api.series('stepcast_webhook_pending{webhook="flaky"}') == 0, "nothing waits")

    def test_what_nobody_takes_is_a_dead_letter_and_is_handed_over_again_in_order(self):
        self.receiver.answers["hangs"] = lambda told: None
        self.receiver.answers["redirects"] = lambda told: 302
        task = self.ended("FAILED")
        until(lambda: self.receiver.ids("good", task), "those who hang hold nobody else up")
        letter = until(lambda: self.letters("hangs", task), lambda: f"the letter: {self.server.output()}")[0]
        self.assertEqual((letter["topic"], letter["errorClass"], letter["errorMessage"], letter["attempts"], letter["behind"]),
                         ("webhooks", "refused", "no answer within 200ms", 2, False))
        redirected = until(lambda: self.letters("redirects", task), "the letter of a redirect")[0]
        self.assertEqual(redirected["errorMessage"], "answered 302; nothing is followed")
        self.assertEqual(self.receiver.told["/elsewhere"] + self.receiver.told["elsewhere"], [])
        flood = until(lambda: self.letters("floods", task), "the letter of an endless answer")[0]
        self.assertIn("the answer is larger than 64KiB", flood["errorMessage"])
        private = until(lambda: self.letters("private", task), "the letter of a name without a public address")[0]
        self.assertIn("localhost has no address that may be connected to", private["errorMessage"])
        self.assertEqual(self.receiver.told["private"], [])
        # The task is tried again and fails again: what it is told of stands behind the letter.
        self.api.event(task, "ada", "STARTED")
        self.api.event(task, "ada", "FAILED")
        behind = until(lambda: len(found := self.letters("hangs", task)) == 2 and found, "the second letter")[1]
        self.assertEqual((behind["errorClass"], behind["attempts"], behind["behind"]), ("behind", 0, True))
        self.receiver.answers["hangs"] = lambda told: 200
        status, _, headers = self.api.call("POST", f"/api/dead-letters/{letter['id']}/redrive")
        self.assertEqual(status, 202)
        until(lambda: not self.letters("hangs", task), lambda: f"both are handed over: {self.letters('hangs', task)}")
        self.assertEqual(self.receiver.ids("hangs", task)[-2:], [f"{task}:2:FAILED", f"{task}:4:FAILED"])
        self.assertEqual(self.api.get(headers["Location"])[1]["status"], "HANDLED")
        self.assertGreaterEqual(len(self.verified("hangs", [task])), 4)

    def test_a_kill_of_the_server_while_the_receiver_is_away_loses_nothing(self):
        self.receiver.answers["away"] = lambda told: 503
        tasks = [self.ended("COMPLETED") for _ in range(50)]
        until(lambda: self.receiver.ids("away", tasks[0]), "one attempt")
        crash(self.server)
        self.assertNotIn(self.secret[6:], self.server.output())
        self.receiver.answers["away"] = lambda told: 200
        with self.receiver.lock:
            self.receiver.told["away"].clear()
        type(self).start()
        for task in tasks:
            until(lambda: self.receiver.ids("away", task), lambda: f"{task}: {self.server.output()}")
            self.assertEqual(set(self.receiver.ids("away", task)), {f"{task}:2:COMPLETED"})
        self.assertEqual(len(set(self.verified("away", tasks))), 50)
        until(lambda: self.api.series('stepcast_webhook_pending{webhook="away"}') == 0, "nothing waits")

    def test_a_secret_may_follow_another_while_the_server_runs(self):
        other = self.make_secret()
        self.addCleanup((self.folder / "secret").write_text, self.secret + "\n")
        (self.folder / "secret").write_text(f"{self.secret}\n{other}\n")
        tasks = []

        def signed_twice():
            tasks.append(self.ended("COMPLETED"))
            told = until(lambda: self.receiver.of("good", tasks[-1]), "it is told")
            return len(told[0].headers["webhook-signature"].split()) == 2
        until(signed_twice, lambda: f"both sign: {self.server.output()}")
        for secret in (self.secret, other):
            self.assertEqual(self.verified("good", tasks[-1:], secret), [f"{tasks[-1]}:2:COMPLETED"])

    def test_what_makes_no_webhook_refuses_the_start(self):
        (self.folder / "bad").write_text("whsec_no\n")
        for secret, why in (("bad", "line 1 is not whsec_ and 24 to 64 bytes as base64"), ("none", "cannot be read")):
            done = subprocess.run([servers.STEPCAST, "serve", "--set", "server.port=0", "--set", f"store.path={self.folder}/other", "--set",
                                   "webhooks.shop.url=https://shop.example/", "--set", f"webhooks.shop.secret_file={self.folder}/{secret}"],
                                  capture_output=True, text=True, timeout=LIMIT_S, env=ENVIRONMENT, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("webhooks.shop.secret_file: ", done.stdout + done.stderr)
            self.assertIn(why, done.stdout + done.stderr)
            self.assertNotIn("whsec_no", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()

"""Proxies that others wrote, with TLS and HTTP/2, before the server: streams are live and resume, a client that is gone is noticed, the server
sees who asks, and a restart ends no EventSource of a browser for good."""
import contextlib
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import unittest

import proxies
from streams import LIMIT_S, Api, servers, unique, until

DOWN_S = 7  # a restart with a few seconds of loading
SUBSCRIBE = "/api/v2/progress/subscribe?userId="


class CurlStream:
    """A stream that `curl` reads by HTTP/2 until it is killed."""

    def __init__(self, curl, cursor=None):
        resume = [] if cursor is None else ["-H", f"Last-Event-ID: {cursor}"]
        self.process = subprocess.Popen([*curl, "-N", "-H", "Accept: text/event-stream", *resume], stdout=subprocess.PIPE)
        self.text = ""
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.text += line.decode()

    def wait(self, part):
        until(lambda: part in self.text, lambda: f"{part!r} in {self.text!r}")
        return self

    def close(self):
        self.process.kill()
        self.process.wait()
        self.thread.join(LIMIT_S)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Proxied(unittest.TestCase):
    """A server, and each proxy before it."""

    kinds = proxies.ALL
    settings = ("server.proxy_header=x-forwarded-for", 'server.trusted_proxies=["127.0.0.1"]')

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        folder = cls.stack.enter_context(tempfile.TemporaryDirectory())
        cls.certificate = proxies.Certificate(folder)
        cls.port = servers.free_port()
        cls.all_settings = (*cls.settings, f"store.path={folder}/journal", "sse.heartbeat=1s", "sse.retry=200ms", "server.hsts=1d", "log.access=true",
                            "log.level=info")
        cls.server = servers.stepcast(*cls.all_settings, port=cls.port)
        cls.stack.callback(lambda: cls.server.stop())
        cls.proxies = {name: cls.stack.enter_context(start(cls.certificate, f"127.0.0.1:{cls.port}")) for name, start in cls.kinds.items()}
        cls.api = Api(cls.server)

    def curl(self, proxy, target, *options):
        return ["curl", "-sS", "--http2", "--cacert", str(self.certificate.chain), *options, f"https://localhost:{proxy.port}{target}"]

    def ask(self, proxy, target, *options):
        done = subprocess.run(self.curl(proxy, target, "--max-time", "20", *options), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr + proxy.output())
        return done.stdout

    def post(self, proxy, **event):
        answer = self.ask(proxy, "/api/v2/progress/events", "-H", "Content-Type: application/json", "-d", json.dumps(event), "-w",
                          " %{http_code} %{http_version}")
        self.assertTrue(answer.endswith(" 202 2"), answer)


class Streams(Proxied):
    def streams(self):
        return self.api.series('stepcast_sessions{kind="user"}')

    def test_a_stream_is_live_resumes_and_a_client_that_is_gone_is_noticed(self):
        for name, proxy in self.proxies.items():
            with self.subTest(proxy=name):
                user, task = unique("user"), unique("task")
                with CurlStream(self.curl(proxy, SUBSCRIBE + user)).wait("event: live") as stream:
                    self.assertEqual(self.streams(), 1)
                    self.post(proxy, taskId=task, userId=user, eventType="STARTED")
                    text = stream.wait("STARTED").text
                until(lambda: self.streams() == 0, "that the client is gone")
                self.post(proxy, taskId=task, userId=user, eventType="PROGRESS", percentage=50)
                cursor = re.findall(r"^id: (\S+)", text, re.M)[-1]
                with CurlStream(self.curl(proxy, SUBSCRIBE + user), cursor).wait("event: live") as stream:
                    missed = [json.loads(data) for data in re.findall(r"event: progress\ndata: (.*)", stream.text)]
                    self.assertEqual([event.get("percentage") for event in missed], [50])
                until(lambda: self.streams() == 0, "that the client is gone")

    def test_the_server_sees_who_asks_and_that_it_came_by_https(self):
        for name, proxy in self.proxies.items():
            with self.subTest(proxy=name):
                before = len(self.server.output())
                answer = self.ask(proxy, "/api/v2/progress/user/nobody", "-i", "--interface", "127.0.0.2", "-H", "X-Forwarded-For: 192.0.2.9",
                                  "-H", "X-Forwarded-Proto: http", "-H", "Forwarded: for=192.0.2.9;proto=http")
                self.assertIn("strict-transport-security: max-age=86400", answer.lower())
                until(lambda: "/api/v2/progress/user/{userId}" in self.server.output()[before:], "a line of the request")
                line = next(line for line in self.server.output()[before:].splitlines() if "route=/api/v2/progress/user/" in line)
                self.assertIn("address=127.0.0.2 ", line)

    def test_what_is_for_this_machine_is_not_for_who_comes_by_a_proxy(self):
        for name, proxy in self.proxies.items():
            with self.subTest(proxy=name):
                self.assertIn("admin-needs-auth", self.ask(proxy, "/metrics"))


class Restart(Proxied):
    def test_ten_streams_and_a_post_on_one_page_outlive_a_restart(self):
        origins = [f"https://localhost:{proxy.port}" for proxy in self.proxies.values()]
        with subprocess.Popen(["node", "through_proxy.mjs", *origins], cwd=servers.ROOT / "tests/web", stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as browser:
            try:
                self.hear(browser, "live")
                self.assertEqual(self.server.stop(), 0, self.server.output())
                time.sleep(DOWN_S)
                type(self).server = servers.stepcast(*self.all_settings, port=self.port)
                browser.stdin.write("back\n")
                browser.stdin.flush()
                self.hear(browser, "resumed")
                self.assertEqual(browser.wait(LIMIT_S), 0)
            finally:
                browser.kill()

    def hear(self, browser, word):
        """The browser's next line, which must be that word."""
        line = browser.stdout.readline().strip()
        self.assertEqual(line, word, line + browser.stdout.read() if line != word else "")


class ProxyProtocol(Proxied):
    """HAProxy once more, by the local socket and its own protocol, which tells of the client's TLS."""

    kinds = {}

    def test_the_server_sees_who_asks_and_that_it_came_by_https(self):
        path = pathlib.Path(self.certificate.folder) / "stepcast.sock"
        with servers.stepcast(f"server.unix_socket={path}", "server.proxy_header=proxy-protocol", 'server.trusted_proxies=["unix"]',
                              "server.hsts=1d", "log.access=true", "log.level=info") as server:
            for version, secure in (("send-proxy", False), ("send-proxy-v2-ssl", True)):
                with proxies.haproxy(self.certificate, f"unix@{path} {version}") as proxy:
                    answer = self.ask(proxy, f"/api/v2/progress/user/{version}", "-i", "--interface", "127.0.0.2")
                    self.assertEqual("strict-transport-security" in answer.lower(), secure, answer)
                    user = unique("user")
                    with CurlStream(self.curl(proxy, SUBSCRIBE + user)).wait("event: live"):
                        self.post(proxy, taskId=unique("task"), userId=user, eventType="STARTED")
                    until(lambda: Api(server).metric("stepcast_sessions") == 0, "that the client is gone")
            lines = [line for line in server.output().splitlines() if "route=/api/v2/progress/user/" in line]
            self.assertEqual(len(lines), 2)
            for line in lines:
                self.assertIn("address=127.0.0.2 ", line)


if __name__ == "__main__":
    unittest.main()

"""Clients that others wrote, on our streams: each must stop, resume and hear of a cut as docs/protocol.md says, whose table of libraries
is what is seen here.

All follow at once, those of one language in one process, each through a proxy of its own that can cut and counts what was asked and
what came. `test_clients.py --table` prints the table.
"""
import json
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from gateway import Gateway  # noqa: E402
from streams import LIMIT_S, Api, servers, unique, until  # noqa: E402
from versions import BUILD, PYTHON, of_npm, version_of  # noqa: E402

HOSTS = {
    "node": ["node", HERE / "client.mjs"],
    "chromium": ["node", HERE / "browser.mjs"],
    "python": [PYTHON, HERE / "client.py"],
    "java": ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{BUILD}/java:{BUILD}/jars/*", "Clients"],
}
LOOP = "a loop around it that sends the last id, waits `retry` and stops at 204"
# By name: where it runs, the folder or name that its version stands under, and what it needs.
CLIENTS = {
    **{f"eventsource {version}": ("node", f"eventsource-{version}", "`addEventListener` for each name") for version in (2, 3, 4, 5)},
    "launchdarkly-eventsource": ("node", "launchdarkly-eventsource", "`addEventListener` for each name"),
    "undici": ("node", "undici", "`addEventListener` for each name; warns that it is experimental"),
    "event-source-polyfill": ("chromium", "event-source-polyfill", "`addEventListener` for each name"),
    "fetch-event-source": ("chromium", "@microsoft/fetch-event-source", "`onopen` that throws at a 204, `onclose` that throws to come back"),
    "httpx-sse": ("python", "httpx-sse", LOOP + "; `read=None`: httpx gives up after 5 s of silence"),
    "sseclient-py on requests": ("python", "sseclient-py", LOOP),
    "aiohttp-sse-client2": ("python", "aiohttp-sse-client2", LOOP + "; `total=None`: aiohttp gives up after 5 min"),
    "okhttp-sse": ("java", "okhttp-sse", LOOP + "; `readTimeout` 0: OkHttp gives up after 10 s of silence"),
    "okhttp-eventsource": ("java", "okhttp-eventsource", "closing it on `COMPLETED` or `FAILED`"),
}
REGISTRIES = {"node": "npm", "chromium": "npm", "python": "PyPI", "java": "Maven"}
# Of the median of some events, so that one slow turn of a busy machine decides nothing.
AT_ONCE_S = 0.1
EVENTS = 9
ASKS_ON = 4  # requests for a finished task after which it is clear


def too_old(name):
    """The version of Node that a client asks for, if this one is older."""
    host, package, _ = CLIENTS[name]
    if host != "node":
        return None
    wanted = of_npm(package).get("engines", {}).get("node", ">=0")
    least = [int(part) for part in re.fullmatch(r">=\s*([\d.]+)", wanted).group(1).split(".")]
    return wanted if NODE < least else None


NODE = [int(part) for part in subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()[1:].split(".")]
RUN = [name for name in CLIENTS if not too_old(name)]


class Client:
    """One of them, with every call that it made and when."""

    def __init__(self, name, port, target):
        self.name, self.calls, self.process = name, [], None
        self.gateway = Gateway(port)
        self.url = self.gateway.url + target

    def events(self, *types):
        return [call for call in list(self.calls) if call["call"] == "event" and (not types or call["type"] in types)]

    def said(self, *calls):
        return [call for call in list(self.calls) if call["call"] in calls]

    def asked(self):
        """The requests for the stream; a browser asks for its page besides."""
        return [request for request in list(self.gateway.requests) if "/subscribe" in request]

    def heartbeats(self):
        return self.gateway.passed.count(b":\n")

    def wait(self, condition, what):
        """Until condition() holds; a client whose process ended on the way will not change any more."""
        def holds():
            if condition():
                return True
            if self.process.poll() is not None and not condition():
                raise AssertionError(f"{self.name} ended before {what}: {self.calls}")
        until(holds, lambda: f"{self.name}: {what}; it said {self.calls}")


class Host:
    """The process of the clients of one kind."""

    def __init__(self, kind, clients):
        self.clients = {client.name: client for client in clients}
        arguments = [word for client in clients for word in (client.name, client.url)]
        self.process = subprocess.Popen([*HOSTS[kind], *arguments], cwd=HERE, stdout=subprocess.PIPE, text=True)
        for client in clients:
            client.process = self.process
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        for line in self.process.stdout:
            call = json.loads(line)
            self.clients[call["client"]].calls.append({**call, "at": time.monotonic()})

    def stop(self):
        self.process.send_signal(signal.SIGTERM)  # so that a browser goes with it
        try:
            self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.thread.join()
        self.process.stdout.close()
        for client in self.clients.values():
            client.gateway.stop()


class Clients(unittest.TestCase):
    seen = {}  # by name and test: what the table says

    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast("sse.retry=100ms", "sse.heartbeat=1s", "progress.stall_after=1h")
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def follow(self, target):
        """All of them; target(name) is what each asks for."""
        clients = [Client(name, self.server.port, target(name)) for name in RUN]
        for kind in HOSTS:
            host = Host(kind, [client for client in clients if CLIENTS[client.name][0] == kind])
            self.addCleanup(host.stop)
        return clients

    def users(self):
        """A user of each client's own, with one running task that has the user's name."""
        users = {name: unique(name.replace(" ", "-")) for name in RUN}
        for user in users.values():
            self.api.event(user, user, "STARTED")
        return users

    def live(self, users):
        """All of them, live on the stream of a user of their own."""
        clients = self.follow(lambda name: f"/api/v2/progress/subscribe?userId={users[name]}")
        for client in clients:
            with self.subTest(client.name):
                client.wait(lambda: client.events("live"), "the end of the catch-up")
                self.assertEqual([call["type"] for call in client.events()], ["recovery", "live"])
        return clients

    def test_1_a_finished_task_takes_two_requests(self):
        task = unique("finished")
        self.api.event(task, "ada", "STARTED")
        self.api.event(task, "ada", "COMPLETED")
        for client in self.follow(lambda _: f"/api/v2/progress/subscribe/{task}"):
            with self.subTest(client.name):
                client.wait(lambda: client.said("ended") or len(client.asked()) >= ASKS_ON, "the end")
                self.assertEqual([call["type"] for call in client.events()], ["recovery", "live"], "what came is known: 204")
                head = client.asked()[1].lower()
                by_header = "\r\nlast-event-id: " in head
                self.assertTrue(by_header or "lasteventid=" in head.split("\r\n")[0], head)
                if client.said("ended"):
                    self.assertEqual(len(client.asked()), 2, client.asked())
                self.seen[client.name] = {"where": "header" if by_header else "query", "stops": bool(client.said("ended")),
                                          "after an end": not client.said("again")}

    def test_2_a_cut_after_recoveries_only_is_noticed_and_loses_nothing(self):
        users = self.users()
        clients = self.live(users)
        for client in clients:
            client.gateway.become("reset")
            client.gateway.cut()

        def come_back(client):
            client.wait(lambda: client.said("lost") and len(client.asked()) >= 2, "that it noticed the cut and asked again, in vain")
            self.assertEqual(client.said("end"), [], "a cut is no end")
            self.api.event(users[client.name], users[client.name], "PROGRESS", percentage=40)
            self.api.event(users[client.name], users[client.name], "COMPLETED")
            client.gateway.become("pass")
            client.wait(lambda: len(client.events("live")) == 2 or client.said("ended"), "the second catch-up")
        pool = ThreadPoolExecutor(len(clients))  # each at once: they wait the longer, the longer nobody answers them
        self.addCleanup(pool.shutdown)
        for client, back in [(client, pool.submit(come_back, client)) for client in clients]:
            with self.subTest(client.name):
                back.result()
                if not client.said("ended"):
                    self.assertEqual([json.loads(call["data"])["version"] for call in client.events("progress")], [2, 3])
                    self.assertEqual(client.events("reset"), [])
                self.seen[client.name]["after a cut"] = None if client.said("ended") else not client.said("again")

    def test_3_the_table_of_the_documents_is_what_was_seen(self):
        document = (servers.ROOT / "docs/protocol.md").read_text(encoding="utf-8")
        self.assertEqual(set(self.seen), set(RUN))
        for name in RUN:
            self.assertIn(row(name, self.seen[name]) + "\n", document)
        for name in set(CLIENTS) - set(RUN):
            with self.subTest(name):
                self.assertIn(f"`{name.split()[0]}` {of_npm(CLIENTS[name][1])['version']} ", document)
                self.skipTest(f"{name} needs Node {too_old(name)}")

    def test_4_an_idle_stream_calls_nobody_and_an_event_is_there_at_once(self):
        users = self.users()
        clients = self.live(users)
        quiet_since = {client: client.heartbeats() for client in clients}
        for client in clients:
            with self.subTest(client.name):
                until(lambda: client.heartbeats() >= quiet_since[client] + 3, "three heartbeats")
                self.assertEqual(len(client.calls), 2, client.calls)
                posted = []
                for number in range(1, EVENTS + 1):
                    posted.append(time.monotonic())
                    self.api.event(users[client.name], users[client.name], "PROGRESS", percentage=number)
                    client.wait(lambda: len(client.events("progress")) == number, "the event")
                late = [event["at"] - then for event, then in zip(client.events("progress"), posted)]
                self.assertLess(statistics.median(late), AT_ONCE_S, late)
                self.assertEqual([call["type"] for call in client.events()], ["recovery", "live", *["progress"] * EVENTS])


def row(name, seen):
    back = {(True, True): "yes", (True, False): "after an end, not after a cut", (False, True): "after a cut, not after an end",
            (False, False): "no", (True, None): "until the server is away once"}[seen["after an end"], seen["after a cut"]]
    host, package, needs = CLIENTS[name]
    place = REGISTRIES[host] + (", in Chromium:" if host == "chromium" else "")
    return f"| {place} `{name.split()[0]}` {version_of(REGISTRIES[host], package)}{' on `requests`' if 'requests' in name else ''} | {back} | {seen['where']} | " \
           f"{'stops' if seen['stops'] else 'asks on'} | {needs} |"


def print_table():
    """The rows of those that run here, of what the first two tests see."""
    tests = [Clients(name) for name in unittest.defaultTestLoader.getTestCaseNames(Clients) if "_1_" in name or "_2_" in name]
    unittest.TextTestRunner().run(unittest.TestSuite(tests))
    for name in RUN:
        print(row(name, Clients.seen[name]))


if __name__ == "__main__":
    print_table() if sys.argv[1:] == ["--table"] else unittest.main()

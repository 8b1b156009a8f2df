"""Clients that others wrote, each in a process of its own, on our streams: each must stop, resume and hear of a cut as docs/protocol.md says.

All follow at once, each through a proxy of its own that can cut and counts what was asked and what came.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from gateway import Gateway  # noqa: E402
from streams import LIMIT_S, Api, servers, unique, until  # noqa: E402

PYTHON = os.environ.get("STEPCAST_CLIENTS_PYTHON", str(servers.ROOT / "build/clients/bin/python"))
NODE = ["eventsource-3", "eventsource-4", "launchdarkly-eventsource", "fetch-event-source"]
COMMANDS = {**{name: ["node", HERE / "client.mjs", name] for name in NODE},
            **{name: [PYTHON, HERE / "client.py", name] for name in ("httpx-sse", "sseclient-py")}}
# Of the median of some events, so that one slow turn of a busy machine decides nothing.
AT_ONCE_S = 0.1
EVENTS = 9


class Client:
    """One of them on `target`, with every call that it made and when."""

    def __init__(self, name, port, target):
        self.name, self.calls = name, []
        self.gateway = Gateway(port)
        self.process = subprocess.Popen([*COMMANDS[name], self.gateway.url + target], cwd=HERE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.calls.append({**json.loads(line), "at": time.monotonic()})

    def events(self, *types):
        return [call for call in list(self.calls) if call["call"] == "event" and (not types or call["type"] in types)]

    def said(self, *calls):
        return [call for call in list(self.calls) if call["call"] in calls]

    def heartbeats(self):
        return self.gateway.passed.count(b":\n")

    def wait(self, condition, what):
        """Until condition() holds; a client that ended on the way will not change any more."""
        def holds():
            if condition():
                return True
            if self.process.poll() is not None and not condition():
                raise AssertionError(f"{self.name} ended before {what}: {self.process.stderr.read()[-2000:]} {self.calls}")
        until(holds, lambda: f"{self.name}: {what}; it said {self.calls}")

    def stop(self):
        self.process.kill()
        self.process.wait(LIMIT_S)
        self.process.stdout.close()
        self.process.stderr.close()
        self.gateway.stop()


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast("sse.retry=100ms", "sse.heartbeat=1s", "progress.stall_after=1h")
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def follow(self, target):
        """All of them; target(name) is what each asks for."""
        clients = [Client(name, self.server.port, target(name)) for name in COMMANDS]
        for client in clients:
            self.addCleanup(client.stop)
        return clients

    def users(self):
        """A user of each client's own, with one running task that has the user's name."""
        users = {name: unique(name) for name in COMMANDS}
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

    def test_a_finished_task_takes_two_requests(self):
        task = unique("finished")
        self.api.event(task, "ada", "STARTED")
        self.api.event(task, "ada", "COMPLETED")
        for client in self.follow(lambda _: f"/api/v2/progress/subscribe/{task}"):
            with self.subTest(client.name):
                client.wait(lambda: client.said("ended"), "the end")
                self.assertEqual(len(client.gateway.requests), 2, client.gateway.requests)
                self.assertIn("\r\nlast-event-id: ", client.gateway.requests[1].lower())
                self.assertEqual([call["type"] for call in client.events()], ["recovery", "live"])

    def test_a_cut_after_recoveries_only_is_noticed_and_loses_nothing(self):
        users = self.users()
        clients = self.live(users)
        for client in clients:
            client.gateway.become("refuse")
            client.gateway.cut()
        for client in clients:
            with self.subTest(client.name):
                client.wait(lambda: client.said("lost"), "that it noticed the cut")
                self.assertEqual(client.said("end"), [], "a cut is no end")
                self.api.event(users[client.name], users[client.name], "PROGRESS", percentage=40)
                self.api.event(users[client.name], users[client.name], "COMPLETED")
                client.gateway.become("pass")
        for client in clients:
            with self.subTest(client.name):
                client.wait(lambda: len(client.events("live")) == 2, "the second catch-up")
                self.assertEqual([json.loads(call["data"])["version"] for call in client.events("progress")], [2, 3])
                self.assertEqual(client.events("reset"), [])

    def test_an_idle_stream_calls_nobody_and_an_event_is_there_at_once(self):
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


if __name__ == "__main__":
    unittest.main()

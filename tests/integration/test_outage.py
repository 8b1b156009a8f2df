"""emit and tail while the server, or the proxy before it, is away: nothing is lost, and the job that is piped in lives on."""
import json
import signal
import subprocess
import threading
import unittest

from gateway import Gateway
from streams import LIMIT_S, Api, servers, unique, until

OUTAGES = ("refuse", "reset", "swallow", 502, 503, 504)


def event(task, percentage, **more):
    return json.dumps({"taskId": task, "userId": "ada", "eventType": "PROGRESS", "percentage": percentage, **more}) + "\n"


class Command:
    """A client command as a child with pipes; a context manager that kills it."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([servers.STEPCAST, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def write(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def frame(self, event):
        """Reads what tail prints up to the next frame of this kind."""
        limit = threading.Timer(LIMIT_S, self.process.kill)
        limit.start()
        try:
            if all(json.loads(line)["event"] != event for line in iter(self.process.stdout.readline, "")):
                raise AssertionError(f"it ended without {event}")
        finally:
            limit.cancel()

    def end(self):
        """Its exit code and what it printed, once its input is closed."""
        said = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, *said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


class Emit(unittest.TestCase):
    def setUp(self):
        self.task = unique("outage")

    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast()
        cls.api = Api(cls.server)
        cls.gateway = Gateway(cls.server.port, "/base/path")

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()
        cls.server.stop()

    def emit(self, *arguments):
        command = Command("emit", "--server", self.gateway.url, *arguments)
        self.addCleanup(self.gateway.become, "pass")
        return command

    def stored(self, count):
        """The task's events, once `count` are there; before the first, the answer is a problem."""
        return until(lambda: isinstance(found := self.api.history(self.task), list) and len(found) >= count and found,
                     f"{count} events of {self.task}")

    def test_an_outage_loses_doubles_and_reorders_nothing(self):
        for outage in OUTAGES:
            with self.subTest(outage), self.emit() as emit:
                self.task = unique("outage")
                emit.write(event(self.task, 0))
                self.stored(1)
                asked = len(self.gateway.requests)
                self.gateway.become(outage)
                self.gateway.cut()
                for percentage in range(1, 8):
                    emit.write(event(self.task, percentage))  # a broken pipe raises
                self.assertRegex(emit.process.stderr.readline(), r"^stepcast emit: .+; trying again\n$")
                if outage != "refuse":
                    until(lambda: len(self.gateway.requests) > asked + 1, "a second try")
                self.gateway.become("pass")
                code, printed, said = emit.end()
                self.assertEqual((code, said), (0, "stepcast emit: the server takes events again\n"))
                history = self.api.history(self.task)
                self.assertEqual([one["percentage"] for one in history], list(range(8)))
                self.assertEqual([one["eventId"] for one in history], [json.loads(line)["eventId"] for line in printed.splitlines()])

    def test_the_end_says_what_could_not_be_sent(self):
        with self.emit("--patience", "0") as emit:
            emit.write(event(self.task, 0))
            self.stored(1)
            self.gateway.become(502)
            emit.write(event(self.task, 1) + event(self.task, 2))
            emit.write(event(self.task, 3).rstrip("\n"))
            code, printed, said = emit.end()
        self.assertEqual(code, 1)
        self.assertEqual(said.splitlines()[-1], "stepcast emit: lines 2 to 4 were not sent: the server answered 502")
        self.assertEqual(len(printed.splitlines()), 1)

    def test_a_single_event_is_tried_again_and_given_up_in_words(self):
        arguments = ("--task", self.task, "--user", "ada", "--type", "STARTED")
        self.gateway.become(502)
        with self.emit(*arguments) as emit:
            emit.process.stderr.readline()
            self.gateway.become("pass")
            self.assertEqual(emit.end()[0], 0)
        self.gateway.become("refuse")
        with self.emit("--patience", "0", *arguments) as emit:
            code, printed, said = emit.end()
        self.assertEqual((code, printed), (1, ""))
        self.assertRegex(said, r"stepcast emit: the event was not sent: .*refused\n$")

    def test_a_signal_during_an_outage_says_what_could_not_be_sent(self):
        with self.emit() as emit:
            self.gateway.become("refuse")
            emit.write(event(self.task, 0))
            emit.process.stderr.readline()
            emit.write(event(self.task, 1))
            emit.process.send_signal(signal.SIGTERM)
            self.assertEqual(emit.process.wait(LIMIT_S), 1)
            self.assertRegex(emit.process.stderr.read(), r"^stepcast emit: lines? 1( to 2)? (was|were) not sent: .+\n$")

    def test_a_signal_lets_what_was_read_be_sent(self):
        with self.emit() as emit:
            emit.write(event(self.task, 0))
            self.stored(1)
            emit.process.send_signal(signal.SIGTERM)
            self.assertEqual(emit.process.wait(LIMIT_S), 128 + signal.SIGTERM)
            self.assertEqual(emit.process.stderr.read(), "")

    def test_a_refusal_is_final(self):
        with self.emit() as emit:
            emit.write(event(self.task, 500))
            code, _, said = emit.end()
        self.assertEqual(code, 1)
        self.assertIn("line 1: percentage", said)

    def test_an_address_with_a_query_is_refused(self):
        with Command("emit", "--server", f"{self.gateway.url}?a=b") as emit:
            code, _, said = emit.end()
        self.assertEqual(code, 2)
        self.assertIn("query", said)


class Tail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast("sse.retry=100ms")
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_a_proxys_answers_while_the_server_is_away_do_not_end_it(self):
        for status in (502, 503, 504):
            gateway = Gateway(self.server.port, "/base")
            self.addCleanup(gateway.stop)
            task = unique("tailed")
            with self.subTest(status), Command("tail", "--server", gateway.url + "/", "--task", task) as tail:
                tail.frame("live")  # a task that began before is told by its state
                self.api.event(task, "ada", "STARTED")
                tail.frame("progress")
                gateway.become(status)
                gateway.cut()
                until(lambda: len(gateway.requests) >= 3, "a second try after the first refusal")
                self.api.event(task, "ada", "PROGRESS", percentage=40)
                self.api.event(task, "ada", "COMPLETED")
                gateway.become("pass")
                code, printed, said = tail.end()
                self.assertEqual(code, 0, said)
                self.assertIn(f"the server answered {status}", said)
                frames = [json.loads(line) for line in printed.splitlines()]
                self.assertEqual([one["data"]["eventType"] for one in frames if one["event"] == "progress"], ["PROGRESS", "COMPLETED"])

    def test_other_answers_end_it(self):
        gateway = Gateway(self.server.port)
        self.addCleanup(gateway.stop)
        gateway.become(404)
        with Command("tail", "--server", gateway.url, "--user", "ada") as tail:
            code, _, said = tail.end()
        self.assertEqual(code, 1)
        self.assertIn("404", said)


if __name__ == "__main__":
    unittest.main()

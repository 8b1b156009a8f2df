"""What outlives the process with a journal and the embedded bus."""
import json
import subprocess
import tempfile
import unittest

from streams import Api, crash, order, servers, unique, until, user_stream


def tool(*arguments, text=None):
    return subprocess.run([servers.STEPCAST, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False)


class Restart(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = f"{folder.name}/journal"

    def start(self, *settings, env=None):
        server = servers.stepcast(f"store.path={self.path}", *settings, env=env)
        self.addCleanup(server.stop)
        api = Api(server)
        until(lambda: api.get("/readyz")[0] == 200, lambda: f"ready: {server.output()}", 60)
        return server, api

    def test_orders_that_were_answered_are_worked_off_after_kill_9(self):
        server, api = self.start("orders.step_delay=300ms")
        user = unique("user")
        tasks = [order(api, user) for _ in range(20)]
        failing = order(api, user, quantity=101)
        crash(server)
        server, api = self.start("orders.step_delay=10ms")
        for task in tasks:
            until(lambda task=task: api.status(task)[1].get("status") == "COMPLETED", lambda task=task: f"{task}: {server.output()}")
            self.assertEqual([event["percentage"] for event in api.history(task)], [0, 25, 50, 75, 100])
            self.assertEqual([event["eventId"] for event in api.history(task)], [f"{task}:{step}" for step in range(5)])
        until(lambda: api.status(failing)[1].get("status") == "FAILED", failing)
        until(lambda: api.metric("stepcast_orders_in_flight") == 0, "nothing in flight")
        # Worked off means forgotten: a further start has nothing to go on with.
        crash(server)
        server, api = self.start()
        self.assertNotIn("orders from before the start", server.output())
        self.assertEqual(api.status(tasks[0])[1]["version"], 5)

    def test_a_journal_is_checked_copied_and_moved_beside_its_server(self):
        server, api = self.start("orders.step_delay=5ms")
        user = unique("user")
        task = order(api, user)
        until(lambda: api.status(task)[1].get("status") == "COMPLETED", task)
        history = api.history(task)
        copy, moved = f"{self.path}.copy", f"{self.path}.moved"

        checked = tool("journal", "check", self.path)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""), checked.stdout)
        self.assertIn("5 events", checked.stdout)
        self.assertEqual(tool("journal", "backup", self.path, copy).returncode, 0)
        again = tool("journal", "backup", self.path, copy)
        self.assertEqual((again.returncode, again.stdout), (1, ""))
        self.assertIn("exists already", again.stderr)
        for command in ("compact", "repair"):
            refused = tool("journal", command, self.path)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("in use by another Stepcast", refused.stderr)
        second = tool("serve", "--set", f"store.path={self.path}", "--set", "server.port=0")
        self.assertEqual(second.returncode, 1)
        self.assertIn("in use by another Stepcast", second.stderr)

        exported = tool("export", self.path)
        events = [json.loads(line)["event"] for line in exported.stdout.splitlines() if line.startswith('{"event"')]
        self.assertEqual([event["id"] for event in events], [f"{task}:{step}" for step in range(5)])
        self.assertEqual(tool("import", moved, text=exported.stdout).returncode, 0)
        crash(server)
        for path in (copy, moved):
            with self.subTest(path):
                self.path = path
                server, api = self.start()
                self.assertEqual(api.history(task), history)
                server.stop()
        self.assertEqual(tool("journal", "compact", moved).returncode, 0)

    def test_what_was_folded_or_expired_before_a_start_is_known_after_it(self):
        settings = ("store.max_events_per_task=100", "store.cleanup_interval=50ms", "store.ttl=1s")
        server, api = self.start(*settings)
        user, task, gone = unique("user"), unique("task"), unique("gone")
        events = [{"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": n % 100, "timestamp": f"2024-01-01T10:{n // 60:02}:{n % 60:02}Z"}
                  for n in range(150)]
        self.assertEqual(api.post(events)[0], 202)
        for _ in range(3):
            api.event(unique("task"), gone, "COMPLETED")
        until(lambda: len(api.history(task)) <= 100 and api.get(f"/api/v2/progress/user/{gone}")[1] == [], "folded and expired")

        def known():
            moments = [f"status/{task}", f"status/{task}?version=140", f"status/{task}?version=1", f"history/{task}",
                       f"status/{task}?at=2024-01-01T10:00:05Z", f"status/{task}?at=2024-01-01T10:02:00Z", f"status/{task}?at=2023-01-01T00:00:00Z"]
            cursors = [f"{api.get('/api/v2/progress/monitor')[1]['store']['epoch']}.{position}" for position in (151, 153)]
            frames = []
            for cursor in cursors:
                with user_stream(server, gone, cursor).settled() as stream:
                    frames.append((stream.kinds(), stream.cursor()))
            answers = [api.get(f"/api/v2/progress/{moment}")[:2] for moment in moments]
            for _, answer in answers:
                if isinstance(answer, dict):  # these move with the clock
                    for field in ("etaSeconds", "estimatedCompletionAt", "stalled"):
                        answer.pop(field, None)
            return answers, frames

        before = known()
        self.assertEqual([status for status, _ in before[0]], [200, 200, 410, 200, 410, 200, 404])
        self.assertEqual([kinds for kinds, _ in before[1]], [["reset", "live"], ["live"]])
        for stop in (crash, lambda server: server.stop()):
            stop(server)
            server, api = self.start(*settings)
            self.assertEqual(known(), before)
        self.assertEqual(api.post([{**event, "eventId": str(n)} for n, event in enumerate(events)])[0], 202)

        def folded():
            try:
                return len(api.history(task)) <= 100
            except ConnectionError:  # a list breaks off if what it is to tell next is folded meanwhile
                return False

        until(folded, "folding goes on")

    def test_what_ran_out_before_a_start_is_gone_before_anything_is_taken(self):
        server, api = self.start()
        task = unique("task")
        api.event(task, unique("user"), "COMPLETED")
        crash(server)
        later = f"{self.path}.offset"
        with open(later, "w") as offset:
            offset.write(f"{25 * 3600 * 1000}\n")
        server, api = self.start("store.cleanup_interval=1h", env={"STEPCAST_CLOCK_OFFSET_FILE": later})
        self.assertEqual(api.status(task)[0], 404)
        api.event(task, unique("another"), "STARTED")

    def test_a_backup_that_takes_the_journals_place_resets_its_clients(self):
        server, api = self.start()
        user, copy = unique("user"), f"{self.path}.copy"
        api.event("a", user, "PROGRESS")
        self.assertEqual(tool("journal", "backup", self.path, copy).returncode, 0)
        for _ in range(3):
            api.event("lost", user, "PROGRESS")
        with user_stream(server, user).settled() as stream:
            cursor = stream.cursor()
        crash(server)
        self.path = copy
        server, api = self.start()
        for _ in range(5):
            api.event("b", user, "PROGRESS")
        with user_stream(server, user, cursor).settled() as stream:
            self.assertEqual(stream.kinds(), ["reset", "recovery", "recovery", "live"])

    def test_a_damaged_journal_refuses_the_start_and_can_be_repaired(self):
        server, api = self.start("orders.step_delay=5ms")
        user = unique("user")
        kept, hurt = order(api, user), order(api, user)
        for task in (kept, hurt):
            until(lambda task=task: api.status(task)[1].get("status") == "COMPLETED", task)
        history = api.history(kept)
        server.stop()
        with open(self.path, "r+b") as file:
            at = file.read().index(f"{hurt}:2".encode())
            file.seek(at + len(hurt) + 1)
            file.write(b"9")
        refused = tool("serve", "--set", f"store.path={self.path}", "--set", "server.port=0", "--set", "log.format=text")
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"the event at position \d+ is not what was written")
        self.assertIn("journal check", refused.stderr)
        self.assertEqual(tool("journal", "check", self.path).returncode, 1)
        repaired = tool("journal", "repair", self.path)
        self.assertEqual(repaired.returncode, 0, repaired.stderr)
        self.assertRegex(repaired.stdout, "9 events kept")
        self.assertEqual(tool("journal", "check", self.path).returncode, 0)
        server, api = self.start()
        self.assertEqual(api.history(kept), history)
        self.assertEqual([event["eventId"] for event in api.history(hurt)], [f"{hurt}:{step}" for step in (0, 1, 3, 4)])

    def test_what_is_taken_at_the_first_moment_of_a_start_outlives_kill_9(self):
        server, api = self.start()
        user, filler = unique("user"), unique("filler")
        # Enough to load that the first posts come in the middle of it.
        for start in range(0, 30000, 1000):
            events = [{"taskId": filler, "userId": user, "eventId": str(start + n), "eventType": "PROGRESS", "percentage": 1} for n in range(1000)]
            self.assertEqual(api.post(events)[0], 202)
        crash(server)
        for _ in range(3):
            server = servers.stepcast(f"store.path={self.path}", "orders.step_delay=10ms")
            self.addCleanup(server.stop)
            api, task = Api(server), unique("task")
            event = {"taskId": task, "userId": user, "eventType": "STARTED"}
            until(lambda: api.post(event)[0] == 202, lambda: f"a post is taken: {server.output()}", 60)
            crash(server)
            server, api = self.start("orders.step_delay=10ms")
            self.assertEqual(api.status(task)[0], 200, "an acknowledged event is gone")
            crash(server)
            server = servers.stepcast(f"store.path={self.path}", "orders.step_delay=10ms")
            self.addCleanup(server.stop)
            api = Api(server)
            taken = until(lambda: (answer := self.try_order(api, user))[0] == 202 and answer[1], lambda: f"an order is taken: {server.output()}", 60)
            crash(server)
            server, api = self.start("orders.step_delay=10ms")
            until(lambda: api.status(taken["taskId"])[1].get("status") == "COMPLETED", "an acknowledged order is worked off")
            crash(server)

    def try_order(self, api, user):
        return api.call("POST", "/api/v2/progress/orders", {"userId": user, "productName": "book", "quantity": 1})


if __name__ == "__main__":
    unittest.main()

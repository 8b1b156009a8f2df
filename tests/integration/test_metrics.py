"""Every number of /metrics that a server alone can move is seen to move. Embedded bus, memory store."""
import http.client
import json
import unittest

from streams import Api, servers, task_stream, unique, until, user_stream


class Metrics(unittest.TestCase):
    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast("progress.stall_after=300ms", "progress.recovery_max=2", "sse.heartbeat=1s",
                                      "store.cleanup_interval=50ms", "store.running_ttl=600s", *cls.settings)
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def rises(self, series, times=1):
        """A context that waits for a series to have risen by at least `times`."""
        return Rise(self.api, series, times)

    def task(self, user, end=None):
        task = unique("task")
        self.api.event(task, user, "STARTED")
        if end:
            self.api.event(task, user, end)
        return task


class Rise:
    def __init__(self, api, series, times):
        self.api, self.series, self.times = api, series, times

    def __enter__(self):
        self.before = self.api.series(self.series)

    def __exit__(self, error, *_):
        if error is None:
            until(lambda: self.api.series(self.series) >= self.before + self.times, f"{self.series} above {self.before}", 10)


class Streams(Metrics):
    def test_frames_are_counted_by_what_they_tell(self):
        user = unique("user")
        for _ in range(3):
            self.task(user)
        frames = [f'stepcast_sse_frames_total{{event="{kind}"}}' for kind in ("recovery", "more", "live", "heartbeat")]
        before = [self.api.series(series) for series in frames]
        with user_stream(self.server, user).settled():
            until(lambda: all(self.api.series(series) > was for series, was in zip(frames, before)), "all of them")
            with self.rises('stepcast_sse_frames_total{event="event"}'), self.rises("stepcast_delivery_seconds_count"):
                self.task(user)
        with self.rises('stepcast_sse_frames_total{event="reset"}'), user_stream(self.server, user, "other.1").settled():
            pass

    def test_recoveries_are_counted_by_stream_and_reason(self):
        user = unique("user")
        task = self.task(user)
        for kind, stream in (("user", lambda cursor=None: user_stream(self.server, user, cursor)),
                             ("task", lambda cursor=None: task_stream(self.server, task, user, cursor))):
            told = lambda reason: self.rises(f'stepcast_recoveries_total{{kind="{kind}",reason="{reason}"}}')  # noqa: E731
            with told("connect"), stream().settled() as first:
                cursor = first.cursor()
            self.api.event(task, user, "PROGRESS", percentage=1)
            with told("resume"), stream(cursor).settled():
                pass
            with told("foreign"), stream("other.1").settled():
                pass
            with stream().settled(), told("stalled"):
                self.api.event(task, user, "PROGRESS", percentage=2)

    def test_a_cursor_before_what_expired_counts_as_expired(self):
        expiring = servers.stepcast("store.ttl=1s", "store.cleanup_interval=50ms")
        self.addCleanup(expiring.stop)
        api, user = Api(expiring), unique("user")
        api.event(unique("task"), user, "STARTED")
        with user_stream(expiring, user).settled() as stream:
            cursor = stream.cursor()
        gone = unique("task")
        api.event(gone, user, "STARTED")
        api.event(gone, user, "COMPLETED")
        until(lambda: api.status(gone)[0] == 404, "the expiry")
        with user_stream(expiring, user, cursor).settled():
            pass
        self.assertEqual(api.series('stepcast_recoveries_total{kind="user",reason="expired"}'), 1)
        self.assertEqual(api.series("stepcast_store_expired_total"), 2)


class Writes(Metrics):
    settings = ("store.max_events_per_task=100",)

    def test_commits_are_timed_and_nothing_is_missed(self):
        with self.rises("stepcast_commit_seconds_count"), self.rises('stepcast_events_committed_total{category="progress"}'):
            self.task(unique("user"))
        self.assertEqual(self.api.series("stepcast_feed_gaps_total"), 0)

    def test_refusals_are_counted_by_reason(self):
        task, user = unique("task"), unique("user")
        event = {"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 1, "eventId": "e"}
        self.api.post(event)
        for reason, body, headers in (("malformed", "{", {}), ("invalid-field", json.dumps({**event, "percentage": 101}), {}),
                                      ("not-owner", json.dumps({**event, "userId": "other"}), {}),
                                      ("idempotency-conflict", json.dumps({**event, "percentage": 2}), {}),
                                      ("unsupported-media-type", "{}", {"Content-Type": "application/json; charset=utf-16"})):
            with self.rises(f'stepcast_events_rejected_total{{door="http",reason="{reason}"}}'):
                connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
                connection.request("POST", "/api/v2/progress/events", body, {"Content-Type": "application/json", **headers})
                problem = json.loads(connection.getresponse().read())
                connection.close()
            self.assertEqual(problem["code"], reason)

    def test_a_long_task_is_saved_as_a_snapshot(self):
        task, user = unique("task"), unique("user")
        with self.rises('stepcast_snapshots_total{result="saved"}'):
            events = [{"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 1} for _ in range(150)]
            self.assertEqual(self.api.post(events)[0], 202)


class Pauses(unittest.TestCase):
    def test_a_broker_that_is_not_there_is_a_dependency(self):
        with servers.stepcast("bus.kind=kafka", f"kafka.brokers=127.0.0.1:{servers.free_port()}") as server:
            self.assertEqual(Api(server).series('stepcast_bus_paused{reason="dependency"}'), 1)

    def test_a_full_store_is_told(self):
        with servers.stepcast("store.max_bytes=64KiB", "store.cleanup_interval=50ms") as server:
            api, status = Api(server), 202
            self.assertEqual(api.series('stepcast_bus_paused{reason="store-full"}'), 0)
            for _ in range(1000):
                if status == 503:
                    break
                status = api.post({"taskId": unique("task"), "userId": "u", "eventType": "PROGRESS", "detail": {"k": "x" * 4000}})[0]
            self.assertEqual(status, 503)
            self.assertEqual(api.series('stepcast_bus_paused{reason="store-full"}'), 1)
            self.assertEqual(api.series('stepcast_bus_paused{reason="dependency"}'), 0)


del Metrics  # only its children are suites

if __name__ == "__main__":
    unittest.main()

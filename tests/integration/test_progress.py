"""Progress as a client meets it: values, streams, cursors, recovery, expiry, owners, orders. Embedded bus, memory store."""
import gzip
import http.client
import json
import socket
import time
import unittest
import urllib.parse

from streams import Api, Stream, servers, task_stream, unique, until, user_stream


class Progress(unittest.TestCase):
    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast("orders.step_delay=20ms", *cls.settings)
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def task(self, *percentages, user=None, end=None):
        """A task with a STARTED and a PROGRESS per percentage."""
        task, user = unique("task"), user or unique("user")
        self.api.event(task, user, "STARTED")
        for percentage in percentages:
            self.api.event(task, user, "PROGRESS", percentage=percentage)
        if end:
            self.api.event(task, user, end)
        return task, user


class Values(Progress):
    def test_percentage_follows_from_steps_and_from_the_past(self):
        task, user = unique("task"), unique("user")
        self.api.event(task, user, "PROGRESS", currentStep=2, totalSteps=3)
        self.api.event(task, user, "PROGRESS", stepName="no numbers")
        self.api.event(task, user, "FAILED", currentStep=3, totalSteps=3)
        self.api.event(task, user, "STARTED")
        self.api.event(task, user, "COMPLETED")
        self.assertEqual([event["percentage"] for event in self.api.history(task)], [66, 66, 66, 0, 100])

    def test_an_array_is_taken_whole_or_not_at_all_and_sees_its_own_past(self):
        task, user = unique("task"), unique("user")
        events = [{"taskId": task, "userId": user, "eventType": "STARTED"},
                  {"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 30},
                  {"taskId": task, "userId": user, "eventType": "PROGRESS"}]
        status, problem, _ = self.api.post([*events, {**events[1], "percentage": 130}])
        self.assertEqual((status, problem["field"], problem["code"]), (400, "[3].percentage", "invalid-field"))
        self.assertEqual(self.api.status(task)[0], 404)
        self.assertEqual(self.api.post(events)[0], 202)
        self.assertEqual([event["percentage"] for event in self.api.history(task)], [0, 30, 30])

    def test_retry_is_a_duplicate_and_another_body_a_conflict(self):
        task, user = unique("task"), unique("user")
        event = {"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 5, "eventId": "e1"}
        for _ in range(2):
            self.assertEqual(self.api.post(event)[0], 202)
        status, problem, _ = self.api.post({**event, "percentage": 6})
        self.assertEqual((status, problem["code"]), (409, "idempotency-conflict"))
        self.assertEqual(len(self.api.history(task)), 1)

    def test_a_repetition_does_not_decide_what_the_next_event_means(self):
        task, user = unique("task"), unique("user")
        old = {"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 50, "eventId": "e1"}
        self.assertEqual(self.api.post([old, {**old, "percentage": 80, "eventId": "e2"}])[0], 202)
        self.assertEqual(self.api.post([old, {"taskId": task, "userId": user, "eventType": "PROGRESS"}])[0], 202)
        self.assertEqual([event["percentage"] for event in self.api.history(task)], [50, 80, 80])

    def post_bytes(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request("POST", "/api/v2/progress/events", body=body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def test_what_other_tools_write_is_read_or_called_by_its_name(self):
        task, user = unique("task"), unique("user")
        event = json.dumps({"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 50.0})
        self.assertEqual(self.post_bytes(event.encode("utf-8-sig"))[0], 202)
        self.assertEqual(self.api.status(task)[1]["percentage"], 50)
        for body, name in ((f"taskId={task}&userId={user}".encode(), "a form"), (b"<event/>", "XML"), (gzip.compress(event.encode()), "gzip"),
                           (event.encode("utf-16"), "UTF-16"), (b"\0\0\0\0\x07" + event.encode(), "schema id 7")):
            status, problem = self.post_bytes(body)
            self.assertEqual((status, problem["code"]), (400, "malformed"), name)
            self.assertIn(name, problem["detail"])

    def test_seq_orders_the_events_of_a_task(self):
        task, user = unique("task"), unique("user")
        for seq, percentage in ((1, 10), (3, 30), (2, 20)):
            self.api.event(task, user, "PROGRESS", seq=seq, percentage=percentage)
        snapshot = self.api.status(task)[1]
        self.assertEqual((snapshot["percentage"], snapshot["version"], snapshot["outOfOrder"]), (30, 3, True))
        self.assertEqual([event["seq"] for event in self.api.history(task)], [1, 3, 2])
        self.assertFalse(self.api.status(task, "?version=2")[1]["outOfOrder"])
        self.assertEqual((self.api.metric("stepcast_seq_gaps_total"), self.api.metric("stepcast_seq_stale_total")), (1, 1))

    def test_late_events_move_only_the_counters(self):
        task, user = self.task(40, end="FAILED")
        self.api.event(task, user, "PROGRESS", percentage=70)
        _, snapshot, headers = self.api.status(task)
        self.assertEqual((snapshot["status"], snapshot["percentage"], snapshot["eventCount"]), ("FAILED", 40, 4))
        self.assertEqual(headers["ETag"], '"v4"')
        self.assertEqual(self.api.get(f"/api/v2/progress/status/{task}", If_None_Match='"v4"')[0], 304)

    def test_the_past_by_version_and_by_time(self):
        task, user = unique("task"), unique("user")
        for second, percentage in ((10, 10), (20, 20), (30, 30)):
            self.api.event(task, user, "PROGRESS", percentage=percentage, timestamp=f"2024-01-01T10:00:{second}Z")
        self.assertEqual(self.api.status(task, "?version=2")[1]["percentage"], 20)
        past = self.api.status(task, "?at=2024-01-01T19:00:29%2B09:00")[1]
        self.assertEqual((past["percentage"], past["updatedAt"]), (20, "2024-01-01T10:00:20.000Z"))
        # Paced by when they were stored, which is now, whatever their own times say.
        if past["rate"] is not None:
            self.assertGreater(past["rate"], 1)
            self.assertFalse(past["estimatedCompletionAt"].startswith("2024"))
        for query, code in (("?version=4", 404), ("?version=0", 400), ("?version=x", 400), ("?at=2024-01-01T09:00:00Z", 404),
                            ("?at=noon", 400)):
            self.assertEqual(self.api.status(task, query)[0], code, query)
            self.assertEqual(self.api.get(f"/api/v2/progress/history/{task}{query}")[0], code, query)
        for query, versions, etag in (("", [1, 2, 3], '"v3"'), ("?version=2", [1, 2], '"v2"'),
                                      ("?at=2024-01-01T10:00:29Z", [1, 2], '"v2"')):
            _, events, headers = self.api.get(f"/api/v2/progress/history/{task}{query}")
            self.assertEqual(([event["version"] for event in events], headers["ETag"]), (versions, etag), query)
        self.assertEqual(self.api.get(f"/api/v2/progress/history/{task}", If_None_Match='"v3"')[0], 304)
        self.assertEqual(self.api.get(f"/api/v2/progress/history/{task}", If_None_Match='"v2"')[0], 200)

    def test_lists_are_paged(self):
        task, user = self.task(*range(1, 7))
        status, events, headers = self.api.get(f"/api/v2/progress/history/{task}?limit=3")
        self.assertEqual([event["version"] for event in events], [1, 2, 3])
        follow = headers["Link"].split(">")[0][1:]
        self.assertEqual([event["version"] for event in self.api.get(follow)[1]], [4, 5, 6])
        self.assertEqual(len(self.api.get(f"/api/v2/progress/user/{user}")[1]), 7)
        odd, owner = "a/b c%/" + task, "x/y " + user
        for percentage in (1, 2, 3):
            self.api.event(odd, owner, "PROGRESS", percentage=percentage)
        for kind, name, query in (("history", odd, "version=2&"), ("user", owner, "")):
            status, events, headers = self.api.get(f"/api/v2/progress/{kind}/{urllib.parse.quote(name, safe='')}?{query}limit=1")
            follow = self.api.get(headers["Link"].split(">")[0][1:])
            self.assertEqual((follow[0], follow[1][0]["taskId"], follow[1][0]["version"]), (200, odd, 2), headers["Link"])
        self.assertNotIn("Link", self.api.get(f"/api/v2/progress/history/{urllib.parse.quote(odd, safe='')}?version=2")[2])
        self.assertEqual(self.api.get(f"/api/v2/progress/user/{unique('nobody')}")[:2], (200, []))
        self.assertEqual(self.api.get(f"/api/v2/progress/history/{unique('nothing')}")[0], 404)

    def test_another_users_task_is_refused_everywhere(self):
        task, user = self.task(10)
        self.assertEqual(self.api.post({"taskId": task, "userId": "other", "eventType": "PROGRESS"})[0], 400)
        with task_stream(self.server, task, "other") as stream:
            self.assertEqual(stream.status, 403)

    def test_orders_by_query_and_by_json(self):
        user = unique("user")
        query = urllib.parse.urlencode({"userId": user, "productName": "노트북", "quantity": 1})
        status, order, headers = self.api.call("POST", f"/api/v2/progress/orders?{query}")
        self.assertEqual((status, headers["Location"]), (202, f"/api/v2/progress/status/{order['taskId']}"))
        until(lambda: self.api.status(order["taskId"])[1]["status"] == "COMPLETED", "the order's end")
        self.assertEqual([(event["percentage"], event["stepName"]) for event in self.api.history(order["taskId"])],
                         [(0, "주문 접수"), (25, "주문 검증"), (50, "재고 확인"), (75, "결제 처리"), (100, "주문 완료")])
        _, order, _ = self.api.call("POST", "/api/v2/progress/orders", {"userId": user, "productName": "x", "quantity": 101})
        failed = until(lambda: (s := self.api.status(order["taskId"])[1])["status"] == "FAILED" and s, "the failed order")
        self.assertEqual((failed["currentStep"], failed["percentage"], failed["stepName"]), (2, 25, "재고 확인"))
        self.assertIn("reason", failed["detail"])
        status, problem, _ = self.api.call("POST", "/api/v2/progress/orders?userId=else", {"userId": user, "productName": "x", "quantity": 1})
        self.assertEqual((status, problem["field"]), (400, "userId"), "of two users none is chosen")
        status, problem, _ = self.api.call("POST", f"/api/v2/progress/orders?userId={user}&productName=x&quantity=0")
        self.assertEqual((status, problem["field"]), (400, "quantity"))


class Streams(Progress):
    def raw(self, target, version):
        """All that the server sends until it closes."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=30) as client:
            client.sendall(f"GET {target} HTTP/{version}\r\nHost: localhost\r\n\r\n".encode())
            pieces = iter(lambda: client.recv(65536), b"")
            return b"".join(pieces)

    def test_the_end_of_a_finished_task_is_whole_and_chunked_to_http_1_1_only(self):
        task, _ = self.task(end="COMPLETED")
        target = f"/api/v2/progress/subscribe/{task}"
        chunked, plain = (self.raw(target, version).partition(b"\r\n\r\n") for version in ("1.1", "1.0"))
        self.assertIn(b"\r\nTransfer-Encoding: chunked", chunked[0])
        self.assertTrue(chunked[2].endswith(b"\r\n0\r\n\r\n"), chunked[2])
        self.assertNotIn(b"Transfer-Encoding", plain[0])
        self.assertTrue(plain[2].startswith(b":\nretry: ") and plain[2].endswith(b'"}\n\n'), plain[2])
        blocks = plain[2].decode().split("\n\n")[:-1]
        self.assertEqual([block for block in blocks if "\ndata: " not in block], [], "no block without data")
        self.assertIn("\nevent: live\n", blocks[-1])

    def test_who_asks_for_beats_gets_one_behind_live(self):
        user = unique("user")
        with Stream(self.server, f"/api/v2/progress/subscribe?userId={user}&beat=1") as stream:
            self.assertEqual(stream.wait("beat", 1), [{"every": 15}])
            self.assertEqual(stream.kinds(), ["live", "beat"])
            self.assertNotIn("id", stream.blocks[-1])
        self.assertEqual(self.api.get(f"/api/v2/progress/subscribe?userId={user}&beat=2")[0], 400)

    def test_without_a_cursor_running_tasks_are_recovered_and_then_live(self):
        task, user = self.task(10)
        with user_stream(self.server, user).settled() as stream:
            self.assertEqual(stream.kinds(), ["recovery", "live"])
            snapshot = stream.of("recovery")[0]
            self.assertEqual((snapshot["percentage"], snapshot["eventType"], snapshot["version"]), (10, "PROGRESS", 2))
            self.api.event(task, user, "PROGRESS", percentage=20)
            self.assertEqual(stream.wait("progress", 1)[0]["version"], 3)

    def test_a_cursor_replays_every_missed_event_once_then_recovers(self):
        user = unique("user")
        with user_stream(self.server, user).settled() as stream:
            cursor = stream.cursor()
        first, _ = self.task(10, 20, user=user)
        second, _ = self.task(30, user=user, end="COMPLETED")
        with user_stream(self.server, user, cursor).settled() as stream:
            self.assertEqual(stream.kinds(), ["progress"] * 6 + ["recovery"] * 2 + ["live"])
            self.assertEqual([event["version"] for event in stream.of("progress")], [1, 2, 3, 1, 2, 3])
            self.assertEqual([snapshot["taskId"] for snapshot in stream.of("recovery")], [second, first])
            again = stream.cursor()
        with user_stream(self.server, user, again).settled() as stream:
            self.assertEqual(stream.kinds(), ["live"])

    def test_the_parameter_serves_those_who_cannot_set_the_header(self):
        task, user = self.task(10)
        with user_stream(self.server, user).settled() as stream:
            cursor = stream.cursor()
        self.api.event(task, user, "PROGRESS", percentage=20)
        target = f"/api/v2/progress/subscribe?userId={user}&lastEventId={cursor}"
        with Stream(self.server, target).settled() as stream:
            self.assertEqual(stream.kinds(), ["progress", "recovery", "live"])
        with Stream(self.server, target.replace(cursor, "garbled"), cursor).settled() as stream:
            self.assertEqual(stream.kinds(), ["progress", "recovery", "live"])

    def test_an_empty_header_does_not_beat_the_parameter(self):
        task, user = self.task(10)
        with user_stream(self.server, user).settled() as stream:
            cursor = stream.cursor()
        self.api.event(task, user, "PROGRESS", percentage=20)
        target = f"/api/v2/progress/subscribe?userId={user}&lastEventId={cursor}"
        with Stream(self.server, target, "").settled() as stream:
            self.assertEqual(stream.kinds(), ["progress", "recovery", "live"])

    def test_a_task_that_ended_now_is_recovered_whatever_its_producers_clock_says(self):
        task, user = unique("task"), unique("user")
        self.api.event(task, user, "COMPLETED", timestamp="2024-01-01T00:00:00Z")
        with user_stream(self.server, user).settled() as stream:
            self.assertEqual(stream.kinds(), ["recovery", "live"])

    def test_a_foreign_cursor_gets_a_reset_and_the_whole_state(self):
        running, user = self.task(10)
        finished, _ = self.task(20, user=user, end="COMPLETED")
        own = user_stream(self.server, user).settled()
        epoch, position = own.cursor().split(".")
        own.close()
        for cursor in ("zzzzzzzz.1", f"{epoch}.{int(position) + 1000}", "nonsense", f"{epoch}.-1"):
            with user_stream(self.server, user, cursor).settled() as stream:
                self.assertEqual(stream.kinds(), ["reset", "recovery", "recovery", "live"], cursor)
                self.assertEqual(stream.of("reset"), [{"reason": "epoch"}])
        with task_stream(self.server, finished, user, "zzzzzzzz.1").wait_end() as stream:
            self.assertEqual(stream.kinds(), ["reset", "recovery", "live"])
            cursor = stream.cursor()
        with task_stream(self.server, finished, user, cursor) as stream:
            self.assertEqual(stream.status, 204)

    def test_a_task_stream_waits_for_its_task_and_ends_with_it(self):
        task, user = unique("task"), unique("user")
        with task_stream(self.server, task, user).settled() as stream:
            self.api.event(task, user, "STARTED")
            self.api.event(unique("task"), user, "STARTED")
            self.api.event(task, user, "COMPLETED")
            stream.wait_end()
            self.assertEqual(stream.kinds(), ["live", "progress", "progress"])
            last = stream.cursor()
        with task_stream(self.server, task, user, last) as stream:
            self.assertEqual(stream.status, 204)
        with task_stream(self.server, task, user).wait_end() as stream:
            self.assertEqual(stream.kinds(), ["recovery", "live"])

    def test_a_stream_that_waits_for_anothers_task_ends_without_a_word_of_it(self):
        task = unique("task")
        with task_stream(self.server, task, "eve").settled() as stream:
            self.api.event(task, "alice", "STARTED")
            stream.wait_end()
            self.assertEqual(stream.kinds(), ["live"])
        with task_stream(self.server, task, "eve") as stream:
            self.assertEqual(stream.status, 403)

    def test_v1_has_no_ids_and_no_past_and_its_newest_connection_wins(self):
        task, user = self.task(10)
        target = f"/api/v1/progress/subscribe?userId={user}"
        with Stream(self.server, target) as old, Stream(self.server, target) as new:
            old.wait_end()
            until(lambda: self.api.metric("stepcast_sessions") >= 1, "the session")
            self.api.event(task, user, "PROGRESS", percentage=20)
            self.assertEqual(new.wait("progress", 1)[0]["percentage"], 20)
            self.assertIsNone(new.cursor())
            self.assertEqual(new.of("recovery"), [])

    def test_what_a_stream_is_refused_for(self):
        for target, status in (("/api/v2/progress/subscribe", 400), ("/api/v2/progress/subscribe?userId=", 400),
                               ("/api/v2/progress/subscribe?userId=" + "x" * 129, 400), ("/api/v1/progress/subscribe", 400)):
            self.assertEqual(self.api.get(target)[0], status, target)


class ManyTasks(Progress):
    settings = ("progress.recovery_max=3", "sse.max_streams=2")

    def test_recoveries_are_bounded_newest_first_and_the_rest_is_counted(self):
        user = unique("user")
        tasks = [self.task(user=user)[0] for _ in range(5)]
        with user_stream(self.server, user).settled() as stream:
            self.assertEqual(stream.kinds(), ["recovery"] * 3 + ["more", "live"])
            self.assertEqual([snapshot["taskId"] for snapshot in stream.of("recovery")], tasks[:1:-1])
            self.assertEqual(stream.of("more"), [{"remaining": 2}])

    def test_at_the_cap_a_browser_is_told_to_come_back(self):
        until(lambda: self.api.metric("stepcast_sessions") == 0, "no session left")
        with user_stream(self.server, "a").settled(), user_stream(self.server, "b").settled():
            with user_stream(self.server, "c").wait_end() as stream:
                self.assertEqual((stream.status, stream.kinds()), (200, []))
                self.assertTrue(5000 <= int(stream.blocks[0]["retry"]) <= 30000)
            self.assertEqual(self.api.get("/api/v2/progress/subscribe?userId=c", Accept="application/json")[0], 503)


class Lifetimes(Progress):
    settings = ("store.ttl=1s", "store.running_ttl=600s", "store.cleanup_interval=50ms", "progress.stall_after=300ms",
                "progress.recovery_window=100ms")

    def test_what_expired_is_announced(self):
        user = unique("user")
        running, _ = self.task(10, user=user)
        with user_stream(self.server, user).settled() as stream:
            cursor = stream.cursor()
        finished, _ = self.task(20, user=user, end="COMPLETED")
        until(lambda: self.api.status(finished)[0] == 404, "the expiry")
        self.assertEqual(self.api.status(running)[0], 200)
        with user_stream(self.server, user, cursor).settled() as stream:
            self.assertEqual(stream.kinds(), ["reset", "recovery", "live"])
            self.assertEqual(stream.of("reset"), [{"reason": "expired"}])
            self.assertEqual(stream.of("recovery")[0]["taskId"], running)
            fresh = stream.cursor()
        with user_stream(self.server, user, fresh) as stream:
            until(lambda: [s["stalled"] for s in stream.of("recovery")][-1:] == [True], "stalled")
        with user_stream(self.server, user, fresh).settled() as stream:
            self.assertEqual(stream.kinds(), ["recovery", "live"], "of what stands stalled and nothing else")
            self.assertEqual((stream.of("recovery")[0]["taskId"], stream.of("recovery")[0]["stalled"]), (running, True))

    def test_turning_stalled_and_back_is_told_live(self):
        task, user = self.task(10)
        with user_stream(self.server, user).settled() as stream:
            def told():
                return [snapshot["stalled"] for snapshot in stream.of("recovery")]
            until(lambda: True in told(), "stalled")
            self.api.event(task, user, "PROGRESS", percentage=11)
            # It stalls again soon: that it moved is looked for in all that was told.
            until(lambda: False in told()[told().index(True):], "moving again")
            self.assertEqual(stream.of("progress")[-1]["percentage"], 11)


class Bounds(Progress):
    settings = ("store.max_events_per_task=100", "store.cleanup_interval=50ms")

    def test_a_long_task_is_trimmed_and_its_past_is_gone_but_told(self):
        task, user = unique("task"), unique("user")
        with user_stream(self.server, user).settled() as stream:
            cursor = stream.cursor()
        for start in range(0, 300, 50):
            events = [{"taskId": task, "userId": user, "eventType": "PROGRESS", "currentStep": step, "totalSteps": 300}
                      for step in range(start + 1, start + 51)]
            self.assertEqual(self.api.post(events)[0], 202)
        first = until(lambda: (h := self.api.history(task)) and len(h) <= 100 and h[0]["version"], "the trimming")
        self.assertEqual(self.api.status(task, f"?version={first - 2}")[0], 410)
        self.assertEqual(self.api.status(task, f"?version={first}")[1]["currentStep"], first)
        self.assertEqual(self.api.status(task)[1]["eventCount"], 300)
        with user_stream(self.server, user, cursor).settled() as stream:
            self.assertEqual(stream.kinds(), ["reset", "recovery", "live"])


class NearlyFullStore(Progress):
    settings = ("store.max_bytes=256KiB", "store.cleanup_interval=1h")

    def test_what_made_room_is_gone_everywhere_at_once(self):
        user, first = unique("user"), unique("first")
        self.api.event(first, user, "COMPLETED")
        for _ in range(60):
            self.api.event(unique("task"), user, "COMPLETED", detail={"k": "x" * 8000})
        until(lambda: self.api.status(first)[0] == 404, "gone long before the next cleanup")
        self.api.event(first, unique("another"), "STARTED")


class FullStore(Progress):
    settings = ("store.max_bytes=256KiB", "store.cleanup_interval=50ms")

    def test_finished_tasks_go_first_and_then_posts_are_refused(self):
        finished, _ = self.task(end="COMPLETED")
        user, filler = unique("user"), {"k": "x" * 4000}
        deadline, status = time.monotonic() + 60, 202
        while status == 202 and time.monotonic() < deadline:
            status, problem, headers = self.api.post({"taskId": unique("task"), "userId": user, "eventType": "PROGRESS",
                                                      "detail": filler})
        self.assertEqual((status, headers["Retry-After"] is not None, problem["code"]), (503, True, "busy"), "also of the first")
        self.assertEqual(self.api.status(finished)[0], 404)
        self.assertEqual(self.api.get("/readyz")[0], 503)
        self.assertIn("store", self.api.get("/readyz")[1]["failing"])
        self.assertEqual(self.api.get("/healthz")[0], 200)


del Progress  # only its children are suites

if __name__ == "__main__":
    unittest.main()

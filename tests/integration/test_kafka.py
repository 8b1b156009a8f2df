"""Progress over a real Kafka, as operators and foreign programs meet it. STEPCAST_TEST_KAFKA names the broker."""
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

import broker
from streams import Api, crash, order, servers, unique, until, user_stream

BROKER = os.environ.get("STEPCAST_TEST_KAFKA", "")


def kcat_produce(topic, key, value, *flags):
    """One record by kcat, as the README shows it."""
    subprocess.run(["kcat", "-b", BROKER, "-P", "-t", topic, "-k", key, "-X", "partitioner=murmur2_random", *flags],
                   input=value, check=True, timeout=60)


def kcat_produce_many(topic, lines, partitioner="murmur2_random"):
    """A record from each line `KEY|VALUE`."""
    with subprocess.Popen(["kcat", "-b", BROKER, "-P", "-t", topic, "-K", "|", "-X", f"partitioner={partitioner}"],
                          stdin=subprocess.PIPE, text=True) as kcat:
        kcat.stdin.writelines(lines)
        kcat.stdin.close()
        assert kcat.wait(120) == 0


def steady_memory(server):
    """Resident bytes of a server once they have not risen for three seconds."""
    highest, since, deadline = 0, time.monotonic(), time.monotonic() + 60
    while time.monotonic() - since < 3:
        pages = int(pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
        resident = pages * os.sysconf("SC_PAGE_SIZE")
        if resident > highest + (1 << 20):
            highest, since = resident, time.monotonic()
        assert time.monotonic() < deadline, "memory never comes to rest"
        time.sleep(0.05)
    return highest


def kcat_ends(topic, partitions):
    """Where each partition of a topic ends; less than all of them while the broker does not know it."""
    asked = [part for p in range(partitions) for part in ("-t", f"{topic}:{p}:-1")]
    done = subprocess.run(["kcat", "-b", BROKER, "-Q", *asked], capture_output=True, text=True, check=False, timeout=60)
    return [int(line.rpartition(" ")[2]) for line in done.stdout.splitlines()]


def kcat_read(topic, count):
    """The first `count` records of a topic, as kcat's JSON envelopes."""
    done = subprocess.run(["kcat", "-b", BROKER, "-C", "-t", topic, "-o", "beginning", "-c", str(count), "-J", "-q"],
                          capture_output=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.decode(errors="replace").splitlines()]


class Kafka(unittest.TestCase):
    def setUp(self):
        self.assertTrue(BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it")
        self.prefix = unique("it") + "."
        self.running = []

    def tearDown(self):
        for server in self.running:
            server.stop()

    def journal(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return f"{folder.name}/journal"

    def start(self, *settings):
        server = servers.stepcast("bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={self.prefix}",
                                  "orders.step_delay=50ms", "kafka.partitions=3", *settings)
        self.running.append(server)
        api = Api(server)
        until(lambda: api.get("/readyz")[0] == 200, lambda: f"ready: {server.output()}", 60)
        return server, api

    def test_a_foreign_record_is_live_in_the_stream_and_poison_stops_nothing(self):
        server, api = self.start()
        task, user, topic = unique("task"), unique("user"), self.prefix + "progress-events"
        with user_stream(server, user).settled() as stream:
            event = {"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 40, "stepName": "결제 처리"}
            kcat_produce(topic, task, json.dumps(event, ensure_ascii=False).encode())
            seen = stream.wait("progress", 1)[0]
            self.assertEqual((seen["percentage"], seen["stepName"], seen["version"]), (40, "결제 처리", 1))
            self.assertTrue(seen["eventId"].startswith(topic + "-"))
            for poison in (b"no json", b"\0\0\0\0\x07{}", b'{"taskId":"t"}', b"\xff\xfe", b"[" * 100000):
                kcat_produce(topic, "poison", poison)
            tombstone = ["kcat", "-b", BROKER, "-P", "-t", topic, "-K", ":", "-Z"]
            subprocess.run(tombstone, input=b"poison:\n", check=True, timeout=60)
            kcat_produce(topic, task, json.dumps({**event, "userId": "thief"}).encode())
            kcat_produce(topic, task, json.dumps({**event, "percentage": 41}).encode())
            self.assertEqual(stream.wait("progress", 2)[1]["percentage"], 41)
        letters = kcat_read(topic + ".dlq", 7)
        headers = [dict(zip(letter["headers"][::2], letter["headers"][1::2])) for letter in letters]
        self.assertEqual(sorted(header["dlq.error.class"] for header in headers),
                         ["invalid-field", *["malformed"] * 4, "not-owner", "tombstone"])
        self.assertEqual(sum("Confluent's wire format (magic byte 0, schema id 7)" in header["dlq.error.message"] for header in headers), 1)
        for letter, header in zip(letters, headers):
            self.assertEqual(header["dlq.topic"], topic)
            self.assertEqual(letter["key"], f"{topic}-{header['dlq.partition']}-{header['dlq.offset']}")
        self.assertEqual(api.get("/readyz")[0], 200)

    def test_killed_and_started_again_it_shows_the_tasks_as_they_stood(self):
        server, api = self.start()
        user = unique("user")
        running, finished = unique("task"), unique("task")
        for task, percentages in ((running, (10, 20)), (finished, (50,))):
            api.event(task, user, "STARTED")
            for percentage in percentages:
                api.event(task, user, "PROGRESS", percentage=percentage)
        api.event(finished, user, "COMPLETED")
        until(lambda: api.status(finished)[1].get("status") == "COMPLETED" and api.status(running)[1].get("percentage") == 20,
              "both folded")
        before = {task: api.status(task)[1] for task in (running, finished)}
        with user_stream(server, user).settled() as stream:
            cursor = stream.cursor()
        crash(server)
        server, api = self.start()
        for task, old in before.items():
            new = api.status(task)[1]
            for name in ("status", "percentage", "version", "eventCount", "startedAt", "updatedAt", "userId"):
                self.assertEqual(new[name], old[name], name)
            self.assertEqual(len(api.history(task)), old["version"])
        with user_stream(server, user, cursor).settled() as stream:
            self.assertEqual(stream.kinds(), ["reset", "recovery", "recovery", "live"])

    def test_two_servers_on_the_same_topics_both_show_everything_and_share_the_orders(self):
        (one, api_one), (two, api_two) = self.start(), self.start()
        user = unique("user")
        with user_stream(one, user).settled() as first, user_stream(two, user).settled() as second:
            tasks = set()
            for number in range(12):
                tasks.add(order((api_one, api_two)[number % 2], user))
            for stream in (first, second):
                events = stream.wait("progress", 60)
                self.assertEqual({event["taskId"] for event in events}, tasks)
                for task in tasks:
                    self.assertEqual([event["percentage"] for event in events if event["taskId"] == task], [0, 25, 50, 75, 100])

    def test_a_consumer_that_dies_hands_its_orders_on_and_no_step_is_doubled(self):
        (one, api_one), (two, api_two) = self.start("orders.step_delay=500ms"), self.start("orders.step_delay=500ms")
        user = unique("user")
        tasks = [order(api_one, user) for _ in range(6)]
        until(lambda: all(api_two.status(task)[1].get("version", 0) >= 2 for task in tasks), "all begun")
        crash(one)
        until(lambda: all(api_two.status(task)[1].get("status") == "COMPLETED" for task in tasks), "all finished", 90)
        for task in tasks:
            self.assertEqual([event["percentage"] for event in api_two.history(task)], [0, 25, 50, 75, 100])

    def test_an_order_that_comes_again_is_not_worked_off_again_even_when_its_task_has_expired(self):
        _, api = self.start("store.ttl=1s", "store.cleanup_interval=100ms", "orders.step_delay=0s")
        order = json.dumps({"taskId": "T", "userId": "ada", "productName": "노트북", "quantity": 1, "timestamp": "2026-01-01T00:00:00.000Z"})
        kcat_produce(self.prefix + "order-events-v2", "T", order.encode())
        until(lambda: api.metric("stepcast_events_committed_total") == 5, "the order is worked off")
        until(lambda: api.status("T")[0] == 404, "its task expires")
        kcat_produce(self.prefix + "order-events-v2", "T", order.encode())
        until(lambda: api.metric("stepcast_inbox_duplicates_total") == 1, "it is known")
        self.assertEqual(api.metric("stepcast_events_committed_total"), 5)

    def test_a_topic_that_keeps_records_for_longer_than_they_are_remembered_refuses_the_start(self):
        done = subprocess.run([servers.STEPCAST, "serve", *(f"--set={one}" for one in (
            "server.port=0", "bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={self.prefix}", "inbox.keep=168h"))],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.prefix}order-events-v2 keeps its records for 168.0 h (retention.ms)", done.stdout + done.stderr)

    def test_streams_wait_through_a_rebuild(self):
        _, api = self.start()
        user, task = unique("user"), unique("task")
        events = [{"taskId": task, "userId": user, "eventType": "PROGRESS", "currentStep": step, "totalSteps": 5000,
                   "stepName": "x" * 100} for step in range(1, 5001)]
        for start in range(0, 5000, 1000):
            self.assertEqual(api.post(events[start:start + 1000])[0], 202)
        server = servers.stepcast("bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={self.prefix}")
        self.running.append(server)
        with user_stream(server, user) as stream:
            self.assertEqual(stream.status, 200)
            stream.settled()
            self.assertEqual(stream.of("recovery")[0]["version"], 5000)

    def test_tasks_over_two_partitions_are_noticed_and_stand_the_same_after_each_start(self):
        """STARTED comes by POST, the rest from a producer that places keys as librdkafka does by default."""
        server, api = self.start("kafka.partitions=6")
        user, topic = unique("user"), self.prefix + "progress-events"
        tasks = [unique("task") for _ in range(12)]
        for task in tasks:
            api.event(task, user, "STARTED")
        lines = [f"{task}|{json.dumps({'taskId': task, 'userId': user, **event})}\n" for event in
                 ({"eventType": "PROGRESS", "percentage": 40}, {"eventType": "PROGRESS", "stepName": "at 40"}, {"eventType": "FAILED"})
                 for task in tasks]
        kcat_produce_many(topic, lines, "consistent")

        def states(api):
            fields = ("status", "percentage", "stepName", "startedAt", "updatedAt", "version", "outOfOrder")
            return [{name: api.status(task)[1].get(name) for name in fields} for task in tasks]

        def ended(api):
            return all(state["status"] == "FAILED" and state["version"] == 4 for state in states(api))

        until(lambda: ended(api), f"all ended: {states(api)}")
        before = states(api)
        split = api.metric("stepcast_tasks_split_total")
        self.assertGreater(split, 0)
        self.assertIn("let all its producers use one partitioner", server.output())
        for _ in range(3):
            crash(server)
            server, api = self.start()
            self.assertEqual(states(api), before)
            self.assertEqual(api.metric("stepcast_tasks_split_total"), split)

    def test_with_a_journal_a_start_goes_on_behind_what_was_consumed_and_streams_resume(self):
        path = self.journal()
        server, api = self.start(f"store.path={path}")
        user, task, topic = unique("user"), unique("task"), self.prefix + "progress-events"
        for percentage in (10, 20):
            api.event(task, user, "PROGRESS", percentage=percentage)
        kcat_produce(topic, "poison", b"no json")
        until(lambda: api.metric("stepcast_dead_letters") == 1, "the letter")
        with user_stream(server, user).settled() as stream:
            until(lambda: stream.of("recovery") and stream.of("recovery")[0]["version"] == 2, "both")
            cursor = stream.cursor()
        crash(server)
        # What comes while it is away is read at the next start, and nothing else.
        kcat_produce(topic, "poison", b"no json either")
        kcat_produce(topic, task, json.dumps({"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 30}).encode())
        server, api = self.start(f"store.path={path}")
        with user_stream(server, user, cursor).settled() as stream:
            self.assertEqual([event["percentage"] for event in stream.wait("progress", 1)], [30])
            self.assertNotIn("reset", stream.kinds())
        until(lambda: api.metric("stepcast_dead_letters") == 1, "the letter of the outage, and not the one before it")
        self.assertEqual(api.metric("stepcast_events_deduplicated_total"), 0)
        self.assertEqual([event["percentage"] for event in api.history(task)], [10, 20, 30])
        self.assertEqual(len(kcat_read(topic + ".dlq", 2)), 2)

    def test_with_a_journal_state_is_served_while_the_broker_is_away(self):
        path = self.journal()
        server, api = self.start(f"store.path={path}")
        user, task = unique("user"), unique("task")
        api.event(task, user, "PROGRESS", percentage=10)
        until(lambda: api.status(task)[0] == 200, "folded")
        server.stop()
        # Nobody listens at the address; the later setting holds.
        server = servers.stepcast("bus.kind=kafka", "kafka.brokers=127.0.0.1:1", f"kafka.topic_prefix={self.prefix}",
                                  f"store.path={path}")
        self.running.append(server)
        api = Api(server)
        until(lambda: api.status(task)[0] == 200, "state without a broker")
        status, answer, _ = api.get("/readyz")
        self.assertEqual((status, answer["failing"]), (503, ["bus"]))

    def test_a_topic_deleted_and_made_again_under_a_running_server_is_read_from_its_beginning(self):
        server, api = self.start(f"store.path={self.journal()}")
        user, old, topic = unique("user"), unique("task"), self.prefix + "progress-events"
        for percentage in range(10, 70, 10):
            api.event(old, user, "PROGRESS", percentage=percentage)
        until(lambda: api.status(old)[1].get("percentage") == 60, "folded")
        broker.delete_topic(BROKER, topic)
        broker.create_topic(BROKER, topic, 3)
        # The controller has made it; the broker takes records for the old one until it hears of that.
        until(lambda: kcat_ends(topic, 3) == [0, 0, 0], lambda: f"the new topic: {kcat_ends(topic, 3)}")
        tasks = [unique("task") for _ in range(6)]
        for task in tasks:
            first = {"taskId": task, "userId": user, "eventId": "first", "eventType": "PROGRESS", "percentage": 7}
            kcat_produce(topic, task, json.dumps(first).encode())
        until(lambda: all(api.status(task)[1].get("percentage") == 7 for task in tasks), lambda: f"read again: {[api.status(task) for task in tasks]}: {server.output()}", 60)
        until(lambda: api.get("/readyz")[0] == 200, "ready")
        self.assertEqual(api.status(old)[1]["percentage"], 60)

    def test_a_full_store_does_not_let_the_fetched_records_fill_the_memory(self):
        topic, partitions = self.prefix + "progress-events", 12
        broker.create_topic(BROKER, topic, partitions)
        detail = {"x": "x" * 7000}
        lines = (json.dumps({"taskId": f"task-{n}", "userId": "u", "eventType": "PROGRESS", "percentage": 1, "detail": detail})
                 for n in range(22_000))
        kcat_produce_many(topic, (f"task-{n}|{line}\n" for n, line in enumerate(lines)))
        server = servers.stepcast("bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={self.prefix}", "store.max_bytes=8MiB")
        self.running.append(server)
        until(lambda: "store" in Api(server).get("/readyz")[1]["failing"], "full", 60)
        # 154 MB wait in the topic; librdkafka's own bound of 32 MiB a partition would fetch all of it.
        self.assertLess(steady_memory(server), 150 << 20)


if __name__ == "__main__":
    unittest.main()

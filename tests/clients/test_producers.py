"""Producers that others wrote, each with its own settings, into the topic of a server: every kind of compression, transactions, headers, no
key, records dated 1970 and 2100; the order of a task is kept, or it is reported that nothing keeps it. The table of docs/protocol.md is
what is seen here; `test_producers.py --table` prints it. STEPCAST_TEST_KAFKA names the broker."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
import broker  # noqa: E402
from streams import Api, servers, unique, until  # noqa: E402
from versions import BUILD, PYTHON, version_of  # noqa: E402

BROKER = os.environ.get("STEPCAST_TEST_KAFKA", "")
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
DAY_MS, YEAR_2100_MS = 86_400_000, 4_102_444_800_000
ORDERED_TASKS, ORDERED_EVENTS = 16, 5
LIMIT_S = 60
PRODUCERS = {
    "kafkajs": ("npm", ["node", HERE / "produce.mjs", "kafkajs"]),
    **{name: ("PyPI", [PYTHON, HERE / "produce.py", name]) for name in ("kafka-python", "confluent-kafka", "aiokafka")},
    "kafka-clients": ("Maven", ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{BUILD}/java:{broker.libraries()}/*", "Producers",
                                "kafka-clients"]),
}
# What makes those that put keys elsewhere put them where Stepcast does.
CURE = {"confluent-kafka": "murmur2_random"}


def record(task, kind="PROGRESS", event=None, key=True, timestamp=None, headers=()):
    value = {"taskId": task, "userId": task, "eventType": kind, **({"eventId": event} if event else {})}
    return {"key": task if key else None, "value": json.dumps(value), "headers": list(headers), "timestamp": timestamp}


def batch(*records, compression="none", transaction=None):
    return {"compression": compression, "transaction": transaction, "records": records}


def whole(task):
    return [record(task, kind, f"{task}:{number}") for number, kind in enumerate(("STARTED", "PROGRESS", "PROGRESS", "COMPLETED"))]


class Producers(unittest.TestCase):
    seen = {}

    @classmethod
    def setUpClass(cls):
        assert BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it"
        prefix = unique("producers") + "."
        cls.topic = prefix + "progress-events"
        cls.server = servers.stepcast("bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={prefix}", "kafka.partitions=3")
        cls.api = Api(cls.server)
        until(lambda: cls.api.get("/readyz")[0] == 200, lambda: f"readiness: {cls.server.output()}", LIMIT_S)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def start(self, name, batches, partitioner=""):
        """A producer's process, at work on these batches."""
        process = subprocess.Popen([*PRODUCERS[name][1], BROKER, self.topic, partitioner], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        process.stdin.write("".join(json.dumps(each) + "\n" for each in batches))
        process.stdin.close()
        process.stdin = None
        return process

    def finish(self, process):
        """What it says of each batch."""
        output, _ = process.communicate(timeout=LIMIT_S)
        return [json.loads(line) for line in output.splitlines()]

    def stands(self, task, **wanted):
        """Waits until a task is there so."""
        def holds():
            state = self.api.status(task)[1]
            return all(state.get(name) == value for name, value in wanted.items())
        until(holds, lambda: f"{task} with {wanted}, is {self.api.status(task)[1]}")

    def batches(self, task):
        """Named by what each tries."""
        return {
            **{kind: batch(*whole(f"{task}-{kind}"), compression=kind) for kind in COMPRESSIONS},
            "commit": batch(*whole(f"{task}-commit"), transaction="commit"),
            "abort": batch(*whole(f"{task}-abort"), transaction="abort"),
            "after": batch(record(f"{task}-abort", event="after")),
            "headers": batch(record(f"{task}-headers", headers=[("traceparent", "00-1"), ("x", "노트북")])),
            "no key": batch(record(f"{task}-no-key", key=False)),
            "1970": batch(record(f"{task}-1970", timestamp=DAY_MS)),
            "2100": batch(record(f"{task}-2100", timestamp=YEAR_2100_MS)),
        }

    def test_1_what_each_of_them_writes_is_stored(self):
        tasks = {name: unique(name) for name in PRODUCERS}
        processes = {name: self.start(name, self.batches(tasks[name]).values()) for name in PRODUCERS}
        for name, process in processes.items():
            with self.subTest(name):
                task = tasks[name]
                said = dict(zip(self.batches(task), self.finish(process)))
                self.assertEqual(len(said), len(self.batches(task)), said)
                able = [kind for kind in COMPRESSIONS if "sent" in said[kind]]
                self.assertEqual({what: text for what, text in said.items() if "error" in text and what not in COMPRESSIONS}, {})
                for what in (*able, "commit"):
                    self.stands(f"{task}-{what}", status="COMPLETED", version=4)
                    ids = [event["eventId"] for event in self.api.history(f"{task}-{what}")]
                    self.assertEqual(ids, [f"{task}-{what}:{number}" for number in range(4)])
                self.stands(f"{task}-abort", eventCount=1, version=1)
                self.stands(f"{task}-headers", version=1)
                self.stands(f"{task}-no-key", version=1)
                self.stands(f"{task}-1970", updatedAt="1970-01-02T00:00:00.000Z")
                self.stands(f"{task}-2100", updatedAt="2100-01-01T00:00:00.000Z")
                self.seen[name] = {"able": able}

    def splits(self, name, partitioner=""):
        """Sends tasks in turns by a producer, then an event of each by Stepcast: how many of them are reported as split."""
        tasks = [unique("ordered") for _ in range(ORDERED_TASKS)]
        records = [record(task, event=f"{task}:{number}") for number in range(ORDERED_EVENTS) for task in tasks]
        before = self.api.metric("stepcast_tasks_split_total")
        self.assertEqual(self.finish(self.start(name, [batch(*records)], partitioner)), [{"sent": len(records)}])
        for task in tasks:
            self.stands(task, version=ORDERED_EVENTS)
            self.assertEqual([event["eventId"] for event in self.api.history(task)], [f"{task}:{number}" for number in range(ORDERED_EVENTS)])
            self.api.event(task, task, "PROGRESS")
        for task in tasks:
            self.stands(task, version=ORDERED_EVENTS + 1)
        return self.api.metric("stepcast_tasks_split_total") - before

    def test_2_the_order_of_a_task_is_kept_or_it_is_reported(self):
        for name in PRODUCERS:
            with self.subTest(name):
                split = self.splits(name)
                self.assertEqual(split > 0, name in CURE, f"{split} tasks are split")
                if name in CURE:
                    self.assertEqual(self.splits(name, CURE[name]), 0)
                self.seen[name]["split"] = split > 0

    def test_3_the_table_of_the_documents_is_what_was_seen(self):
        document = (servers.ROOT / "docs/protocol.md").read_text(encoding="utf-8")
        for name in PRODUCERS:
            self.assertIn(row(name, self.seen[name]) + "\n", document)


def row(name, seen):
    package = {"kafka-clients": f"`kafka-clients` {broker.VERSION}"}.get(name) or f"`{name}` {version_of(PRODUCERS[name][0], name)}"
    able = [kind for kind in seen["able"] if kind != "none"]
    compression = "every kind" if len(able) == len(COMPRESSIONS) - 1 else f"{' '.join(able)}; others need a codec of the program's"
    keys = f"elsewhere, reported as split; `partitioner={CURE[name]}`" if seen["split"] else "where Stepcast does"
    return f"| {PRODUCERS[name][0]} {package} | {compression} | only what is committed | {keys} |"


def print_table():
    """The rows, of what the first two tests see."""
    tests = [Producers(name) for name in unittest.defaultTestLoader.getTestCaseNames(Producers) if "_3_" not in name]
    unittest.TextTestRunner().run(unittest.TestSuite(tests))
    for name in PRODUCERS:
        print(row(name, Producers.seen[name]))


if __name__ == "__main__":
    print_table() if sys.argv[1:] == ["--table"] else unittest.main()

"""The bank with what outlives it: a journal behind `kill -9`, and a real Kafka. STEPCAST_TEST_KAFKA names the broker."""
import json
import os
import subprocess
import tempfile
import unittest

from streams import Api, crash, servers, unique, until

BROKER = os.environ.get("STEPCAST_TEST_KAFKA", "")


def records(topic, count):
    """The first `count` records of a topic, as kcat's JSON envelopes."""
    done = subprocess.run(["kcat", "-b", BROKER, "-C", "-t", topic, "-o", "beginning", "-c", str(count), "-J", "-q"],
                          capture_output=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def headers(record):
    return dict(zip(record["headers"][::2], record["headers"][1::2]))


class Bank(unittest.TestCase):
    def start(self, *settings):
        server = servers.stepcast(*settings)
        self.addCleanup(server.stop)
        api = Api(server)
        until(lambda: api.get("/readyz")[0] == 200, f"ready: {server.output()}", 60)
        return server, api

    def journal(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return f"{folder.name}/journal"

    def balance(self, api, account):
        return api.get(f"/api/accounts/{account}")[1]["balance"]

    def test_every_won_is_there_after_kill_9_and_every_transfer_ends(self):
        path = self.journal()
        server, api = self.start(f"store.path={path}")
        for account in ("a", "b"):
            self.assertEqual(api.call("POST", "/api/accounts", {"accountId": account, "owner": "Kim", "initialBalance": 1000})[0], 201)
        transfers = []
        for number in range(40):
            pays, takes = ("a", "b") if number % 3 else ("b", "a")
            status, answer, _ = api.call("POST", "/api/transfers", {"from": pays, "to": takes, "amount": 10 + number})
            self.assertEqual(status, 202)
            transfers.append(answer["transferId"])
        key = {"Idempotency-Key": "once"}
        first = api.call("POST", "/api/accounts/a/deposits", {"amount": 5}, key)
        crash(server)
        server, api = self.start(f"store.path={path}")
        again = api.call("POST", "/api/accounts/a/deposits", {"amount": 5}, key)
        self.assertEqual((again[0], again[1]), (first[0], first[1]))
        for transfer in transfers:
            until(lambda transfer=transfer: api.get(f"/api/transfers/{transfer}")[1]["status"] in ("COMPLETED", "REFUNDED"), transfer)
        self.assertEqual(self.balance(api, "a") + self.balance(api, "b"), 2005)
        for account in ("a", "b"):
            now = api.get(f"/api/accounts/{account}")[1]
            self.assertEqual(api.get(f"/api/accounts/{account}?version={now['version']}")[1], now)
        until(lambda: api.series('stepcast_saga_active{saga="transfer"}') == 0, "no transfer under way")

    def test_events_and_snapshots_stand_on_their_topics(self):
        self.assertTrue(BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it")
        prefix = unique("bank") + "."
        _, api = self.start("bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={prefix}", "kafka.partitions=1")
        api.call("POST", "/api/accounts", {"accountId": "ACC-001", "owner": "김", "initialBalance": 1000})
        for _ in range(9):
            self.assertEqual(api.call("POST", "/api/accounts/ACC-001/deposits", {"amount": 10, "source": "ATM"})[0], 200)
        stored = api.get("/api/accounts/ACC-001/events")[1]
        told = records(prefix + "event-stream-accounts", 10)
        for event, record in zip(stored, told, strict=True):
            self.assertEqual(event.pop("version"), event["metadata"]["version"])
            self.assertEqual(json.loads(record["payload"]), event)
            self.assertEqual(record["key"], "ACC-001")
            self.assertEqual(headers(record), {"eventType": event["eventType"], "aggregateId": "ACC-001",
                                               "timestamp": event["metadata"]["timestamp"]})
        snapshot = records(prefix + "snapshots", 1)[0]
        self.assertEqual(snapshot["key"], "ACC-001")
        saved = json.loads(snapshot["payload"])
        self.assertEqual((saved["version"], saved["snapshot"]), (10, {"id": "ACC-001", "balance": 1090, "owner": "김", "status": "ACTIVE",
                                                                      "version": 10}))


if __name__ == "__main__":
    unittest.main()

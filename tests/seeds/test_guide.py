"""The listings of the event-driven architecture guide: what each of them is for, shown over a real Kafka and a journal. docs/patterns.md has the list."""
import datetime
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from kcat import BROKER, produce, records  # noqa: E402
from streams import Api, servers, unique, until  # noqa: E402

LIMIT_S = 60


class Shop:
    """A shop on topics of its own; its journal outlives its server."""

    def __init__(self, test, *settings):
        assert BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it"
        folder = tempfile.TemporaryDirectory()
        test.addClassCleanup(folder.cleanup)
        self.journal, self.prefix = pathlib.Path(folder.name) / "journal", unique("guide") + "."
        self.settings = ("shop.enabled=true", "orders.enabled=false", "bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={self.prefix}",
                         "kafka.partitions=1", f"store.path={self.journal}", *settings)
        self.server = None
        test.addClassCleanup(lambda: self.server.stop())

    def start(self, **env):
        self.server = servers.stepcast(*self.settings, env=env)
        self.api = Api(self.server)
        until(lambda: self.api.get("/readyz")[0] == 200, lambda: f"ready: {self.server.output()}", LIMIT_S)
        until(lambda: self.api.get("/api/products/1")[0] == 200, "the first product")
        until(lambda: self.api.metric("stepcast_outbox_pending") == 0, "that it has been told of")
        return self

    def order(self, method="CARD", quantity=1):
        status, answer, _ = self.api.call("POST", "/api/orders", {"userId": "kim", "orderItems": [{"productId": 1, "quantity": quantity}],
                                                                  "paymentMethod": method})
        assert status == 202, (status, answer)
        return answer["orderId"]

    def is_at(self, order, status):
        until(lambda: self.look(order)["status"] == status, lambda: f"{order} is {status}: {self.look(order)}", LIMIT_S)

    def look(self, order):
        return self.api.get(f"/api/orders/{order}")[1]

    def payment(self, order):
        return self.api.get(f"/api/streams/payment-{order}/state")[1]["state"]["status"]

    def reserved(self):
        return self.api.get("/api/products/1")[1]["reserved"]

    def told(self, topic, order):
        """What stands on a topic about an order."""
        return [json.loads(record["payload"]) for record in records(self.prefix + topic) if record["key"] == order]


class Choreography(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = Shop(cls).start()

    def test_the_publisher_keys_by_the_order_and_wraps_it_in_the_envelope(self):
        order = self.shop.order(quantity=2)
        self.shop.is_at(order, "CONFIRMED")
        created = until(lambda: self.shop.told("order-events", order), "it is told of")[0]
        self.assertEqual(created["type"], "ORDER_CREATED")
        payload = {name: created["payload"][name] for name in ("orderId", "customerId", "items", "totalAmount")}
        self.assertEqual(payload, {"orderId": order, "customerId": "kim", "items": [{"productId": 1, "quantity": 2, "price": 1_200_000}],
                                   "totalAmount": 2_400_000})
        self.assertEqual((created["metadata"]["version"], created["metadata"]["correlationId"]), (2, order))
        datetime.datetime.fromisoformat(created["metadata"]["timestamp"])

    def test_the_consumer_reserves_releases_passes_over_what_it_does_not_know_and_puts_aside_what_it_cannot_read(self):
        before = self.shop.reserved()
        order = self.shop.order()
        self.shop.is_at(order, "CONFIRMED")
        until(lambda: self.shop.reserved() == before + 1, "it is reserved")
        self.assertEqual(self.shop.api.call("POST", f"/api/orders/{order}/cancel")[0], 202)
        until(lambda: self.shop.reserved() == before, "it is released")
        unknown, bad = unique("unknown"), unique("bad")
        produce(self.shop.prefix + "order-events", [(unknown, json.dumps({"type": "ORDER_GIFT_WRAPPED", "payload": {"orderId": unknown}, "metadata": {}})),
                                                    (bad, "no json")])
        letters = until(lambda: [one for one in self.shop.api.get("/api/dead-letters")[1] if one["key"] == bad], "the letter of one")
        self.assertEqual({letter["topic"] for letter in letters}, {self.shop.prefix + "order-events"})
        self.assertEqual([one for one in self.shop.api.get("/api/dead-letters")[1] if one["key"] == unknown], [])
        self.shop.is_at(self.shop.order(), "CONFIRMED")

    def test_each_service_follows_the_one_before_and_a_refused_payment_is_compensated(self):
        paid, declined, short = self.shop.order(), self.shop.order("TEST_DECLINE"), self.shop.order(quantity=999)
        self.shop.is_at(paid, "CONFIRMED")
        self.shop.is_at(declined, "CANCELLED")
        self.shop.is_at(short, "CANCELLED")
        self.assertEqual(self.shop.look(declined)["reason"], "결제 거절")
        until(lambda: self.shop.told("order-cancelled", short), "the cancel is told of")
        wanted = {"order-created": (1, 1, 1), "stock-reserved": (1, 1, 0), "stock-reservation-failed": (0, 0, 1), "payment-completed": (1, 0, 0),
                  "payment-failed": (0, 1, 0)}
        for topic, counts in wanted.items():
            self.assertEqual(tuple(len(self.shop.told(topic, order)) for order in (paid, declined, short)), counts, topic)
        until(lambda: self.shop.api.get(f"/api/streams/stock-all/state")[1]["state"] and declined not in json.dumps(
            self.shop.api.get("/api/streams/stock-all/state")[1]["state"]), "the stock of the declined one is free")

    def test_what_comes_again_acts_once_and_is_known_for_seven_days(self):
        order = self.shop.order()
        self.shop.is_at(order, "CONFIRMED")
        told = until(lambda: (all_told := [one for one in self.shop.api.get("/api/notifications?userId=kim&limit=1000")[1] if one["orderId"] == order])
                     and len(all_told) == 2 and all_told, "both notifications")
        reserved, duplicates = self.shop.reserved(), self.shop.api.metric("stepcast_inbox_duplicates_total")
        for topic in ("order-created", "stock-reserved", "payment-completed"):
            for message in self.shop.told(topic, order):
                produce(self.shop.prefix + topic, [(order, json.dumps(message, ensure_ascii=False))] * 2)
        until(lambda: self.shop.api.metric("stepcast_inbox_duplicates_total") >= duplicates + 4, "all of them were known")
        until(lambda: self.shop.api.metric("stepcast_bus_lag") == 0, "all is worked off")
        again = [one for one in self.shop.api.get("/api/notifications?userId=kim&limit=1000")[1] if one["orderId"] == order]
        self.assertEqual((again, self.shop.reserved(), self.shop.payment(order)), (told, reserved, "COMPLETED"))
        exported = subprocess.run([servers.STEPCAST, "export", self.shop.journal], capture_output=True, text=True, check=True).stdout
        marks = [json.loads(line)["mark"] for line in exported.splitlines() if '{"mark":' in line and order in line]
        self.assertEqual(len(marks), 2)
        left = datetime.datetime.fromisoformat(marks[0]["expires"]) - datetime.datetime.now(datetime.timezone.utc)
        self.assertGreater(left, datetime.timedelta(days=7))


class Outbox(unittest.TestCase):
    def rows(self, order, shop):
        """Of a journal that nobody writes to now, by a copy of it: how many events an order has, and its rows that were not yet sent, and that were."""
        with tempfile.TemporaryDirectory() as folder:
            for path in shop.journal.parent.glob("journal*"):
                shutil.copy(path, folder)
            with sqlite3.connect(f"{folder}/journal") as journal:
                names = [column[1] for column in journal.execute("PRAGMA table_info(outbox)")]
                rows = journal.execute("SELECT topic, processed_at FROM outbox WHERE key = ?", (order,)).fetchall()
        self.assertLessEqual({"id", "topic", "key", "value", "committed_at", "processed_at"}, set(names))
        open_, sent = ([topic.removeprefix(shop.prefix) for topic, at in rows if (at is None) == waits] for waits in (True, False))
        return open_, sent

    def test_an_order_and_its_messages_are_one_commit_and_leave_later_though_the_process_died(self):
        shop = Shop(type(self)).start()
        self.assertEqual(shop.server.stop(), 0)
        shop.start(STEPCAST_KILL_AT="after-commit:1")
        key = unique("key")
        with self.assertRaises((ConnectionError, OSError)):
            shop.api.call("POST", "/api/orders", {"userId": "kim", "orderItems": [{"productId": 1, "quantity": 1}]}, {"Idempotency-Key": key})
        shop.server.wait()
        exported = subprocess.run([servers.STEPCAST, "export", shop.journal], capture_output=True, text=True, check=True).stdout
        events = [json.loads(line)["event"] for line in exported.splitlines() if line.startswith('{"event":')]
        created, = (event for event in events if event["type"] == "ORDER_CREATED")
        order = created["stream"]
        waiting, sent = self.rows(order, shop)
        self.assertLessEqual({"order-created", "order-events"}, set(waiting))
        self.assertEqual(sent, [])
        self.assertEqual(shop.told("order-created", order), [])
        shop.start()
        shop.is_at(order, "CONFIRMED")
        status, answer, headers = shop.api.call("POST", "/api/orders", {"userId": "kim", "orderItems": [{"productId": 1, "quantity": 1}]},
                                                {"Idempotency-Key": key})
        self.assertEqual((status, answer["orderId"], headers["Idempotency-Replayed"]), (202, order, "true"))
        until(lambda: shop.api.metric("stepcast_outbox_pending") == 0, "all has left")
        self.assertEqual(shop.server.stop(), 0)
        waiting, sent = self.rows(order, shop)
        self.assertEqual(waiting, [])
        self.assertLessEqual({"order-created", "order-events"}, set(sent))
        self.assertEqual(len(shop.told("order-created", order)), 1)
        shop.start()


class Orchestration(unittest.TestCase):
    def test_steps_are_carried_out_in_order_and_undone_in_reverse(self):
        shop = Shop(type(self), "shop.saga=orchestration").start()
        done, short = shop.order(), shop.order(quantity=999)
        shop.is_at(done, "CONFIRMED")
        shop.is_at(short, "CANCELLED")
        saga = shop.api.get(f"/api/sagas/{done}")[1]
        self.assertEqual([step["step"] for step in saga["steps"]], ["payment", "stock", "shipment"])
        until(lambda: shop.api.get(f"/api/sagas/{short}")[1]["status"] == "COMPENSATED", lambda: shop.api.get(f"/api/sagas/{short}"))
        self.assertEqual(shop.payment(short), "REFUNDED")
        commands = [(topic, message["command"]) for topic in ("payment-commands", "stock-commands") for message in shop.told(topic, short)]
        self.assertEqual(commands, [("payment-commands", "CHARGE"), ("payment-commands", "REFUND"), ("stock-commands", "RESERVE")])
        self.assertEqual(shop.reserved(), 1)


class Versions(unittest.TestCase):
    def test_an_order_of_version_1_is_read_as_one_of_version_2(self):
        old = {"type": "ORDER_CREATED", "payload": {"orderId": "OLD", "customerId": "kim", "amount": 39_000},
               "metadata": {"eventId": "OLD:1", "timestamp": "2026-01-01T00:00:00.000Z", "version": 1}}
        event = {"category": "order", "stream": "OLD", "version": 1, "position": 1, "type": "ORDER_CREATED", "schema": 1, "lifecycle": "neutral",
                 "id": "OLD:1", "subject": "kim", "recordedAt": "2026-01-01T00:00:00.000Z", "fingerprint": "0" * 16, "data": old}
        head = {"journal": {"schema": 5, "epoch": "oldorder", "head": 1, "floor": 0}}
        with tempfile.TemporaryDirectory() as folder:
            journal = f"{folder}/journal"
            subprocess.run([servers.STEPCAST, "import", journal], input="".join(json.dumps(line) + "\n" for line in (head, {"event": event}, {"end": {"events": 1}})), text=True,
                           check=True, capture_output=True)
            with servers.stepcast("shop.enabled=true", f"store.path={journal}") as server:
                api = Api(server)
                order = until(lambda: (answer := api.get("/api/orders/OLD?version=1"))[0] == 200 and answer[1], lambda: api.get("/api/orders/OLD?version=1"))
                self.assertEqual({name: order[name] for name in ("subtotal", "tax", "shippingFee", "totalAmount")},
                                 {"subtotal": 39_000, "tax": 0, "shippingFee": 0, "totalAmount": 39_000})
                self.assertEqual(api.get("/api/streams/order-OLD?limit=1")[1][0]["schemaVersion"], 1)  # what is stored stays as it was


if __name__ == "__main__":
    unittest.main()

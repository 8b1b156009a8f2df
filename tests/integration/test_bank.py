"""The bank and the shop with what outlives them: a journal behind `kill -9`, and a real Kafka. STEPCAST_TEST_KAFKA names the broker."""
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
        until(lambda: api.get("/readyz")[0] == 200, lambda: f"ready: {server.output()}", 60)
        return server, api

    def journal(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return f"{folder.name}/journal"

    def balance(self, api, account):
        return api.get(f"/api/accounts/{account}")[1]["balance"]

    def order(self, api, method, quantity=1):
        status, answer, _ = api.call("POST", "/api/orders", {"userId": "kim", "orderItems": [{"productId": 1, "quantity": quantity}],
                                                             "paymentMethod": method})
        self.assertEqual(status, 202, answer)
        return answer["orderId"]

    def ended(self, api, order):
        """The status that an order ends in."""
        def status():
            now = api.get(f"/api/orders/{order}")[1]["status"]
            return now if now in ("CONFIRMED", "CANCELLED") else None
        return until(status, f"the end of order {order}")

    def test_every_won_is_there_after_kill_9_and_every_transfer_and_order_ends(self):
        path = self.journal()
        shop = ("shop.enabled=true", "shop.payment_timeout=1500ms")
        server, api = self.start(f"store.path={path}", *shop)
        until(lambda: api.get("/api/products/1")[0] == 200, "the first product")
        for account in ("a", "b"):
            self.assertEqual(api.call("POST", "/api/accounts", {"accountId": account, "owner": "Kim", "initialBalance": 1000})[0], 201)
        transfers = []
        for number in range(40):
            pays, takes = ("a", "b") if number % 3 else ("b", "a")
            status, answer, _ = api.call("POST", "/api/transfers", {"from": pays, "to": takes, "amount": 10 + number})
            self.assertEqual(status, 202)
            transfers.append(answer["transferId"])
        methods = ("CARD", "TEST_DECLINE", "TEST_SLOW", "TEST_TIMEOUT", "TEST_LOST_REPLY", "CARD")
        orders = {self.order(api, method, 1 + number % 3): (method, 1 + number % 3) for number, method in enumerate(methods * 4)}
        key = {"Idempotency-Key": "once"}
        first = api.call("POST", "/api/accounts/a/deposits", {"amount": 5}, key)
        crash(server)
        server, api = self.start(f"store.path={path}", *shop)
        again = api.call("POST", "/api/accounts/a/deposits", {"amount": 5}, key)
        self.assertEqual((again[0], again[1]), (first[0], first[1]))
        for transfer in transfers:
            until(lambda transfer=transfer: api.get(f"/api/transfers/{transfer}")[1]["status"] in ("COMPLETED", "REFUNDED"), transfer)
        self.assertEqual(self.balance(api, "a") + self.balance(api, "b"), 2005)
        for account in ("a", "b"):
            now = api.get(f"/api/accounts/{account}")[1]
            self.assertEqual(api.get(f"/api/accounts/{account}?version={now['version']}")[1], now)
        until(lambda: api.series('stepcast_saga_active{saga="transfer"}') == 0, "no transfer under way")
        # A provider that lost its memory may have lost another answer, so of that method either end is right.
        ends = {order: self.ended(api, order) for order in orders}
        for order, (method, _) in orders.items():
            if method != "TEST_LOST_REPLY":
                self.assertEqual(ends[order], "CANCELLED" if method in ("TEST_DECLINE", "TEST_TIMEOUT") else "CONFIRMED", method)
        held = sum(quantity for order, (_, quantity) in orders.items() if ends[order] == "CONFIRMED")
        until(lambda: api.get("/api/products/1")[1]["reserved"] == held, f"{held} reserved")
        self.assertEqual(api.get("/api/products/1")[1]["stock"], 100)

    def test_events_snapshots_and_messages_stand_on_their_topics(self):
        self.assertTrue(BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it")
        prefix = unique("bank") + "."
        _, api = self.start("bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={prefix}", "kafka.partitions=1",
                            "shop.enabled=true", f"store.path={self.journal()}")
        api.call("POST", "/api/accounts", {"accountId": "ACC-001", "owner": "김", "initialBalance": 1000})
        for _ in range(9):
            self.assertEqual(api.call("POST", "/api/accounts/ACC-001/deposits", {"amount": 10, "source": "ATM"})[0], 200)
        stored = api.get("/api/accounts/ACC-001/events")[1]
        told = records(prefix + "event-stream-accounts", 10)
        for event, record in zip(stored, told, strict=True):
            self.assertEqual(event.pop("version"), event["metadata"]["version"])
            self.assertEqual(json.loads(record["payload"]), event)
            self.assertEqual(record["key"], "ACC-001")
            said = headers(record)
            self.assertEqual(said.pop("causation-id"), f"account-ACC-001/{event['eventId']}")
            self.assertEqual(said.pop("message-id"), f"account ACC-001 {event['metadata']['version']}")
            self.assertTrue(said.pop("correlation-id"))
            self.assertEqual(said, {"eventType": event["eventType"], "aggregateId": "ACC-001",
                                    "timestamp": event["metadata"]["timestamp"]})
        snapshot = records(prefix + "snapshots", 1)[0]
        self.assertEqual(snapshot["key"], "ACC-001")
        saved = json.loads(snapshot["payload"])
        self.assertEqual((saved["version"], saved["snapshot"]), (10, {"id": "ACC-001", "balance": 1090, "owner": "김", "status": "ACTIVE",
                                                                      "version": 10}))

        until(lambda: api.get("/api/products/1")[0] == 200, "the first product")
        order = self.order(api, "CARD", 2)
        self.assertEqual(self.ended(api, order), "CONFIRMED")
        for topic in ("order-created", "stock-reserved", "payment-completed"):
            record = records(prefix + topic, 1)[0]
            self.assertEqual((record["key"], json.loads(record["payload"])["orderId"]), (order, order))
        stored = api.get(f"/api/streams/order-{order}")[1]
        told = [json.loads(record["payload"]) for record in records(prefix + "order-events", len(stored))]
        # Topics have no order among each other: who hears of the payment first does not say any more that stock was reserved.
        said = [(event["type"], event["version"]) for event in told if event["type"] != "ORDER_STOCK_RESERVED"]
        self.assertEqual(said, [("ORDER_CREATED", 2), ("ORDER_PAID", 1), ("ORDER_CONFIRMED", 1)])
        refused = self.order(api, "CARD", 999)
        self.assertEqual(self.ended(api, refused), "CANCELLED")
        self.assertEqual(json.loads(records(prefix + "order-cancelled", 1)[0]["payload"])["orderId"], refused)

    def test_four_processes_share_nothing_but_topics(self):
        self.assertTrue(BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it")
        for style in ("choreography", "orchestration"):
            with self.subTest(style):
                kafka = ("bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={unique('shop')}.", "kafka.partitions=1")
                apis = {service: self.start(*kafka, "shop.enabled=true", f'shop.services=["{service}"]', f"shop.saga={style}",
                                            f"store.path={self.journal()}")[1]
                        for service in ("product", "payment", "notification", "order")}
                orders, products = apis["order"], apis["product"]
                until(lambda: products.get("/api/products/1")[0] == 200, "the first product")
                self.assertEqual(products.call("POST", "/api/orders", {"orderItems": [{"productId": 1, "quantity": 1}]})[0], 404)
                until(lambda: orders.call("POST", "/api/orders", {"orderItems": [{"productId": 1, "quantity": 999}]})[0] == 202,
                      "the order service knows the product")
                placed = self.order(orders, "CARD", 2)
                declined = self.order(orders, "TEST_DECLINE")
                self.assertEqual(self.ended(orders, placed), "CONFIRMED")
                self.assertEqual(self.ended(orders, declined), "CANCELLED")
                until(lambda: products.get("/api/products/1")[1]["reserved"] == 2, "what is confirmed is reserved")
                self.assertEqual(apis["payment"].get(f"/api/streams/payment-{placed}/state")[1]["state"]["status"], "COMPLETED")
                self.assertEqual(orders.call("POST", f"/api/orders/{placed}/cancel")[0], 202)
                until(lambda: apis["payment"].get(f"/api/streams/payment-{placed}/state")[1]["state"]["status"] == "REFUNDED", "the refund")
                until(lambda: products.get("/api/products/1")[1]["reserved"] == 0, "the stock is free again")
                told = until(lambda: [one["type"] for one in apis["notification"].get("/api/notifications?userId=kim")[1]
                                      if one["orderId"] == placed and one["type"] == "PAYMENT_COMPLETED"], "the notification")
                self.assertEqual(told, ["PAYMENT_COMPLETED"])
                self.assertEqual(orders.get(f"/api/sagas/{placed}")[0], 200 if style == "orchestration" else 404)


if __name__ == "__main__":
    unittest.main()

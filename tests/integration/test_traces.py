"""What one order causes, over services and topics, and topics as operators see them: on the embedded bus and over a real Kafka."""
import json
import socket
import subprocess
import tempfile
import unittest

from streams import LIMIT_S, Api, Stream, servers, unique, until
from test_kafka import BROKER, kcat_produce

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVICES = ("order", "product", "payment", "notification")


def place(api, method="CARD", headers=None, quantity=1):
    status, answer, _ = api.call("POST", "/api/orders", {"userId": "kim", "orderItems": [{"productId": 1, "quantity": quantity}],
                                                         "paymentMethod": method}, headers)
    assert status == 202, answer
    return answer["orderId"]


def trace_of(api, order, *wanted):
    """The items of an order's trace once messages of all the wanted topics are among them."""
    def found():
        status, trace, _ = api.get(f"/api/traces/{order}")
        seen = {item["topic"].rpartition(".")[2] for item in trace["items"] if item["kind"] == "message"} if status == 200 else set()
        return trace if seen >= set(wanted) else None
    return until(found, lambda: f"{wanted} in {api.get(f'/api/traces/{order}')[1]}")


def ended(api, order, state):
    until(lambda: api.get(f"/api/orders/{order}")[1]["status"] == state, f"{order} {state}")


class Traced(unittest.TestCase):
    def start(self, *settings):
        server = servers.stepcast("shop.enabled=true", *settings)
        self.addCleanup(server.stop)
        api = Api(server)
        until(lambda: api.get("/readyz")[0] == 200, lambda: f"ready: {server.output()}", 60)
        return server, api

    def held_together(self, trace, root):
        """Every item has the trace id and a span, and a cause that is another one's id; `root`: the one without."""
        ids = {item["id"] for item in trace["items"]}
        for item in trace["items"]:
            self.assertEqual(item["traceparent"].split("-")[1], TRACE, item)
            self.assertNotEqual(item["traceparent"].split("-")[2], PARENT)
            self.assertEqual(item["traceparent"].split("-")[3], "01")
        self.assertEqual([item["id"] for item in trace["items"] if item.get("causationId") not in ids], [root], trace)
        times = [item["at"] for item in trace["items"]]
        self.assertEqual(times, sorted(times))

    def seen(self, trace):
        return {(item["service"], item["topic"].rpartition(".")[2]) for item in trace["items"] if item["kind"] == "message"}


class Embedded(Traced):
    def shop(self, *settings):
        server, api = self.start(*settings)
        until(lambda: api.get("/api/products/1")[0] == 200, "the first product")
        return server, api

    def test_a_trace_spans_all_that_an_order_causes_in_either_style(self):
        told = {"choreography": {("order", "order-created"), ("order", "order-events"), ("product", "stock-reserved"),
                                 ("payment", "payment-completed"), ("notification", "user-notifications")},
                "orchestration": {("order", "order-created"), ("order", "payment-commands"), ("payment", "payment-completed"),
                                  ("order", "stock-commands"), ("product", "stock-reserved"), ("notification", "user-notifications")}}
        for saga, wanted in told.items():
            with self.subTest(saga):
                _, api = self.shop(f"shop.saga={saga}", "shop.ship_after=0s")
                order = place(api, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
                ended(api, order, "SHIPPED")
                until(lambda: api.get("/api/streams/stock-all/state")[1]["event"]["eventId"] == f"{order}:shipped", "the shipment")
                until(lambda: len(api.get("/api/notifications?userId=kim")[1]) == 2, "both notifications")
                trace = trace_of(api, order, *(topic for _, topic in wanted))
                self.assertFalse(trace["truncated"])
                self.assertLessEqual(wanted, self.seen(trace))
                streams = {item["stream"].partition("-")[0] for item in trace["items"] if item["kind"] == "event"}
                self.assertLessEqual({"order", "stock", "payment", "notification"}, streams)
                self.held_together(trace, f"order-{order}/{order}:1")
                events = [item for item in trace["items"] if item["kind"] == "event"]
                self.assertEqual({item["correlationId"] for item in events}, {order})
                stored = api.get(f"/api/streams/order-{order}")[1]
                self.assertEqual([event["metadata"]["correlationId"] for event in stored], [order] * len(stored))

    def test_what_a_customer_undoes_names_its_own_cause(self):
        _, api = self.shop("shop.ship_after=1h")
        order = place(api)
        ended(api, order, "CONFIRMED")
        api.call("POST", f"/api/orders/{order}/cancel")
        trace = trace_of(api, order, "order-cancelled")
        self.assertNotIn("traceparent", trace["items"][0])
        released = until(lambda: [item for item in trace_of(api, order)["items"] if item.get("type") == "PAYMENT_REFUNDED"], "the refund")
        self.assertTrue(released[0]["causationId"].startswith(f"payment-{order}/"), released)

    def test_a_malformed_traceparent_is_passed_over(self):
        _, api = self.shop()
        order = place(api, headers={"traceparent": f"00-{TRACE}-0000000000000000-01"})
        self.assertEqual({item.get("traceparent") for item in trace_of(api, order, "user-notifications")["items"]}, {None})

    def test_a_transfer_is_traced_where_it_is_wished_for_and_nothing_where_it_is_not(self):
        _, api = self.start("shop.enabled=false", "traces.enabled=on")
        a, b = (api.call("POST", "/api/accounts", {"owner": "kim", "initialBalance": 10})[1]["accountId"] for _ in range(2))
        transfer = api.call("POST", "/api/transfers", {"from": a, "to": b, "amount": 5}, {"traceparent": f"00-{TRACE}-{PARENT}-01"})[1]["transferId"]
        until(lambda: api.get(f"/api/transfers/{transfer}")[1]["status"] == "COMPLETED", "the transfer")
        trace = until(lambda: (lambda trace: trace if len(trace["items"]) >= 12 else None)(api.get(f"/api/traces/{transfer}")[1]), "six events, each told")
        self.held_together(trace, f"transfer-{transfer}/{transfer}:1")
        self.assertEqual({item["service"] for item in trace["items"] if item["kind"] == "message"}, {"bank"})
        self.assertEqual(api.get("/api/traces/nothing")[1]["code"], "trace-not-found")
        _, other = self.start("shop.enabled=false")
        self.assertIn("traces.enabled", other.get("/api/traces/nothing")[1]["detail"])

    def test_topics_are_listed_with_those_who_read_them(self):
        _, api = self.shop()
        trace_of(api, place(api), "user-notifications")
        answer = api.get("/api/topics")[1]
        self.assertTrue(answer["connected"])
        topics = {topic["name"]: topic for topic in answer["topics"]}
        self.assertLessEqual({"order-created", "progress-events", "event-stream-accounts", "user-notifications"}, set(topics))
        created = topics["order-created"]
        self.assertEqual(created["messages"], sum(each["head"] for each in created["partitions"]))
        self.assertEqual(created["messages"], 1)
        groups = {group["group"]: group for group in created["groups"]}
        self.assertEqual(set(groups), {"product-service.order-created", "notification-service.order-created"})
        for group in groups.values():
            self.assertEqual(group["lag"], sum(each["head"] - each["position"] for each in group["partitions"]))

    def test_a_tail_shows_what_comes_by_key_and_ends_with_the_server(self):
        server, api = self.shop()
        api.call("PUT", "/api/products/2", {"name": "before", "price": 1, "stock": 1})
        with Stream(server, "/api/topics/product-events/tail?key=3") as some, Stream(server, "/api/topics/product-events/tail") as all_of_it:
            some.settled(), all_of_it.settled()
            for product in (2, 3, 4):
                api.call("PUT", f"/api/products/{product}", {"name": f"노트북 {product}", "price": 1, "stock": 1})
            record = some.wait("record", 1)[0]
            self.assertEqual((record["topic"], record["key"], record["value"]["name"]), ("product-events", "3", "노트북 3"))
            self.assertIn("correlation-id", record["headers"])
            self.assertEqual({record["key"] for record in all_of_it.wait("record", 3)}, {"2", "3", "4"})
            self.assertEqual(len(some.of("record")), 1)
            server.stop()
            some.wait_end(), all_of_it.wait_end()
        _, api = self.shop()
        self.assertEqual(api.get("/api/topics/nothing/tail")[1]["code"], "unknown-topic")
        self.assertEqual(api.get("/api/topics/product-events/tail?partition=-1")[1]["field"], "partition")

    def test_who_reads_a_tail_too_slowly_is_told_how_much_is_missing(self):
        server, api = self.shop("sse.outbox_bytes=4KiB")
        count = 400
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(LIMIT_S)
            client.connect(("127.0.0.1", server.port))
            client.sendall(b"GET /api/topics/product-events/tail HTTP/1.0\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
            got = b""
            while b"event: live" not in got:
                got += client.recv(4096)
            for i in range(1, count + 1):
                api.call("PUT", "/api/products/2", {"name": "x" * 200, "price": i, "stock": 1})
            api.call("PUT", "/api/products/3", {"name": "last", "price": 1, "stock": 1})
            while b'"name":"last"' not in got:
                got += client.recv(65536)
        lines = got.decode().splitlines()
        missed = sum(json.loads(data[6:])["count"] for kind, data in zip(lines, lines[1:]) if kind == "event: missed")
        self.assertGreater(missed, 0)
        self.assertEqual(lines.count("event: record") + missed, count + 1)


class Kafka(Traced):
    def setUp(self):
        self.assertTrue(BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it")
        self.prefix = unique("it") + "."

    def service(self, services, *settings):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)  # behind the server's end: cleanups go in reverse
        return self.start("bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={self.prefix}", "kafka.partitions=3",
                          f"shop.services={json.dumps(services)}", f"store.path={folder.name}/journal", *settings)

    def test_four_processes_that_share_topics_are_one_trace(self):
        apis = {name: self.service([name])[1] for name in ("product", "payment", "notification", "order")}
        until(lambda: apis["product"].get("/api/products/1")[0] == 200, "the first product")
        api = apis["order"]
        until(lambda: api.call("PUT", "/api/cart/items/1?userId=kim", {"quantity": 1})[0] == 200, "the replica", 60)
        order = place(api, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        ended(api, order, "CONFIRMED")
        trace = trace_of(api, order, "order-created", "stock-reserved", "payment-completed", "user-notifications", "order-events")
        self.assertEqual({service for service, _ in self.seen(trace)}, set(SERVICES))
        self.assertEqual({item["stream"].partition("-")[0] for item in trace["items"] if item["kind"] == "event"}, {"order"})
        self.assertEqual({item["traceparent"].split("-")[1] for item in trace["items"]}, {TRACE})
        status, _, _ = apis["payment"].get(f"/api/traces/{order}")
        self.assertEqual(status, 404)  # only who serves the page reads all topics
        done = subprocess.run(["kcat", "-b", BROKER, "-C", "-t", f"{self.prefix}payment-completed", "-o", "beginning", "-e", "-q", "-f", "%h\n"],
                              capture_output=True, check=True, timeout=60).stdout.decode()
        for header in (f"correlation-id={order}", f"causation-id=payment-{order}/{order}:2", f"traceparent=00-{TRACE}-", f"message-id=payment-completed {order}"):
            self.assertIn(header, done)

    def test_a_dead_letter_and_its_redrive_stay_in_the_trace(self):
        server, api = self.service(list(SERVICES))
        until(lambda: api.get("/api/products/1")[0] == 200, "the first product", 60)
        with Stream(server, f"/api/topics/{self.prefix}order-created/tail") as tail:
            tail.settled()
            kcat_produce(f"{self.prefix}order-created", "bad", b"\xff\xfe", "-H", "correlation-id=bad-1", "-H", f"traceparent=00-{TRACE}-{PARENT}-00")
            record = tail.wait("record", 1)[0]
            self.assertEqual((record["value"], record["encoding"], record["headers"]["correlation-id"]), ("//4=", "base64", "bad-1"))
        trace = until(lambda: (lambda trace: trace if len(trace.get("items", ())) == 3 else None)(api.get("/api/traces/bad-1")[1]),
                      "a message, and a letter of each service that heard it", 60)
        letters = [item for item in trace["items"] if item["kind"] == "event"]
        for letter in letters:
            self.assertTrue(letter["stream"].startswith("dead-letter-"), letter)
            self.assertEqual(letter["causationId"], f"{self.prefix}order-created-{record['partition']}-{record['offset']}")
            self.assertEqual(letter["traceparent"].split("-")[1], TRACE)
        number = letters[0]["position"]
        self.assertEqual(api.call("POST", f"/api/dead-letters/{number}/redrive")[0], 202)
        until(lambda: len(api.get(f"/api/dead-letters/{number}")[1]["history"]) == 1, "the redrive")


if __name__ == "__main__":
    unittest.main()

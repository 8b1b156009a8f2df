"""`./dev shop` as somebody has it: four processes over Kafka behind deploy/haproxy-shop.cfg, one of them killed meanwhile."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

import proxies
import shop
from streams import Api, Stream, servers, unique, until

LIMIT_S = 120
BROKER = os.environ.get("STEPCAST_TEST_KAFKA", "")
STARTED = "The shop: "


class Launched:
    """The launcher as a child of this process, and what it says."""

    def __init__(self, *arguments):
        self.port = servers.free_port()
        self.process = subprocess.Popen([sys.executable, shop.__file__, "--port", str(self.port), *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()
        self.hear(STARTED)

    def hear(self, words):
        """Waits for a line that it has said since the last such call."""
        def said():
            for at, line in enumerate(self.lines):
                if words in line:
                    del self.lines[:at + 1]
                    return line
            return self.process.poll() is not None and not self.reader.is_alive() and "ended"
        line = until(said, lambda: f"{words!r} in {self.lines}", LIMIT_S)
        assert line != "ended", f"it has ended before it said {words!r}: {self.lines}"
        return line

    def kill(self, service):
        self.process.stdin.write(f"kill {service}\n")
        self.hear(f"{service} was ended by signal 9")

    def start(self, service):
        self.process.stdin.write(f"start {service}\n")
        self.hear(f"{service} is back")

    def stop(self, how=signal.SIGINT):
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(LIMIT_S)
        self.reader.join(LIMIT_S)
        self.process.stdin.close()
        self.process.stdout.close()
        return code


class Customer:
    """What one user does by HTTP."""

    def __init__(self, server):
        self.api, self.user = Api(server), unique("kim")

    def order(self, method="CARD", quantity=1, product=1):
        status, answer, _ = self.api.call("POST", "/api/orders", {"userId": self.user, "orderItems": [{"productId": product, "quantity": quantity}],
                                                                  "paymentMethod": method})
        assert status == 202, (status, answer)
        return answer["orderId"]

    def status(self, order):
        return self.api.get(f"/api/orders/{order}")[1].get("status")

    def is_at(self, order, status):
        until(lambda: self.status(order) == status, lambda: f"{order} is {status}: {self.api.get(f'/api/orders/{order}')[1]}", LIMIT_S)

    def stock(self, product, pieces):
        """Sets a product, and waits until it can be ordered: that the order service hears by a topic."""
        status, answer, _ = self.api.call("PUT", f"/api/products/{product}", {"name": f"상품 {product}", "price": 20_000, "stock": pieces})
        assert status == 200, answer
        cart = f"/api/cart/items/{product}?userId={unique('somebody')}"
        until(lambda: self.api.call("PUT", cart, {"quantity": 1})[0] == 200, f"product {product} can be ordered")

    def told(self):
        return [one["type"] for one in self.api.get(f"/api/notifications?userId={self.user}")[1]]


class FourProcesses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        assert BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it"
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.shop = Launched("--kafka", BROKER, "--keep", cls.folder / "kept", "--set", f"kafka.topic_prefix={unique('four')}.",
                            "--set", "kafka.partitions=2", "--set", "shop.payment_timeout=3s", "--set", "sse.retry=200ms")
        cls.addClassCleanup(cls.shop.stop)

    def setUp(self):
        self.customer = Customer(self.shop)
        self.api = self.customer.api

    def refused(self, method, target, service, body=None):
        """HAProxy says in words that the service is away."""
        status, answer, headers = self.api.call(method, target, body)
        self.assertEqual((status, answer["code"], headers["Retry-After"]), (503, "service-away", "3"))
        self.assertIn(f"the service {service} is away", answer["detail"])

    def test_orders_end_in_every_way_they_can_and_their_customer_is_told(self):
        customer, api = self.customer, self.api
        customer.stock(3, 100)
        with Stream(self.shop, f"/api/notifications/subscribe?userId={customer.user}") as notices, \
                Stream(self.shop, f"/api/v2/progress/subscribe?userId={customer.user}") as bars:
            notices.settled()
            bars.settled()
            paid, declined, lost, silent = (customer.order(method, 1, 3) for method in ("CARD", "TEST_DECLINE", "TEST_LOST_REPLY", "TEST_TIMEOUT"))
            refused = customer.order("CARD", 1_000, 3)
            for order, status in ((paid, "CONFIRMED"), (declined, "CANCELLED"), (refused, "CANCELLED"), (lost, "CONFIRMED"), (silent, "CANCELLED")):
                customer.is_at(order, status)
            told = sorted(one["type"] for one in notices.wait("notification", 8))
            self.assertEqual(told, ["ORDER_CREATED"] * 5 + ["ORDER_FAILED"] + ["PAYMENT_COMPLETED"] * 2)
            ends = {paid: "COMPLETED", declined: "FAILED", refused: "FAILED", lost: "COMPLETED", silent: "FAILED"}
            until(lambda: {event["taskId"]: event["eventType"] for event in bars.of("progress")} == ends, lambda: f"the bars: {bars.of('progress')}")
        self.assertEqual(api.call("POST", f"/api/orders/{paid}/cancel")[0], 202)
        for order in (paid, declined, refused, silent):
            customer.is_at(order, "CANCELLED")
        state = f"/api/streams/payment-{paid}/state"
        until(lambda: api.get(state)[1]["state"]["status"] == "REFUNDED", lambda: api.get(state))
        until(lambda: api.get("/api/products/3")[1]["reserved"] == 1, "only one order has its stock")
        self.assertEqual(api.call("POST", f"/api/orders/{lost}/cancel")[0], 202)
        until(lambda: api.get("/api/products/3")[1]["reserved"] == 0, "all stock is back")
        for service in shop.SERVICES:
            self.assertEqual(api.get(f"/services/{service}/api/dead-letters")[1], [], service)

    def test_a_cart_becomes_an_order_of_products_that_another_process_has(self):
        customer, api = self.customer, self.api
        customer.stock(2, 50)
        put = f"/api/cart/items/2?userId={customer.user}"
        self.assertEqual(api.call("PUT", put, {"quantity": 3})[1]["totalAmount"], 60_000)
        self.assertEqual(api.call("PUT", put, {"quantity": 2})[1]["version"], 2)
        self.assertEqual(api.get(f"/api/cart?userId={customer.user}&version=1")[1]["totalAmount"], 60_000)
        status, taken, _ = api.call("POST", "/api/cart/checkout", {"userId": customer.user, "paymentMethod": "CARD"})
        self.assertEqual(status, 202, taken)
        customer.is_at(taken["orderId"], "CONFIRMED")
        self.assertEqual(api.get(f"/api/cart?userId={customer.user}")[1]["items"], [])
        until(lambda: api.get("/api/products/2")[1]["reserved"] == 2, "it is reserved")

    def test_without_payments_orders_wait_and_go_on(self):
        self.shop.kill("payment")
        self.refused("GET", "/services/payment/readyz", "payment")
        waiting, left = self.customer.order(), self.customer.order()
        for order in (waiting, left):
            self.customer.is_at(order, "STOCK_RESERVED")
        self.assertEqual(self.api.call("POST", f"/api/orders/{left}/cancel")[0], 202)
        self.shop.start("payment")
        self.customer.is_at(waiting, "CONFIRMED")
        self.customer.is_at(left, "CANCELLED")
        state = f"/api/streams/payment-{left}/state"
        until(lambda: self.api.get(state)[1].get("state", {}).get("status") in ("BARRED", "REFUNDED"), lambda: self.api.get(state))
        self.assertEqual(self.api.get(f"/api/streams/payment-{waiting}/state")[1]["state"]["status"], "COMPLETED")

    def test_without_products_orders_are_taken_and_go_on(self):
        self.shop.kill("product")
        self.refused("GET", "/api/products", "product")
        self.refused("PUT", "/api/products/1", "product", {"name": "노트북", "price": 1, "stock": 100})
        order, declined = self.customer.order(), self.customer.order("TEST_DECLINE")
        self.assertEqual(self.customer.status(order), "PENDING")
        self.shop.start("product")
        self.customer.is_at(order, "CONFIRMED")
        self.customer.is_at(declined, "CANCELLED")

    def test_without_notifications_nothing_is_lost_and_streams_come_back(self):
        target = f"/api/notifications/subscribe?userId={self.customer.user}"
        with Stream(self.shop, target) as stream:
            stream.settled()
            self.customer.is_at(self.customer.order(), "CONFIRMED")
            stream.wait("notification", 2)
            cursor = stream.cursor()
            self.shop.kill("notification")
            stream.wait_end()
        self.refused("GET", f"/api/notifications?userId={self.customer.user}", "notification")
        with Stream(self.shop, target, cursor) as stream:
            self.assertEqual((stream.status, stream.wait_end().kinds()), (200, []))
        self.customer.is_at(self.customer.order(), "CONFIRMED")
        self.shop.start("notification")
        with Stream(self.shop, target, cursor) as stream:
            self.assertEqual(sorted(one["type"] for one in stream.wait("notification", 2)), ["ORDER_CREATED", "PAYMENT_COMPLETED"])
            self.assertEqual([one["version"] for one in stream.of("notification")], [3, 4])
            self.assertNotIn("reset", stream.kinds())

    def test_without_the_order_service_products_are_shown_and_bars_go_on_where_they_were(self):
        target = f"/api/v2/progress/subscribe?userId={self.customer.user}"
        with Stream(self.shop, target) as stream:
            stream.settled()
            order = self.customer.order("TEST_SLOW")
            stream.wait("progress", 2)
            cursor = stream.cursor()
            self.shop.kill("order")
            stream.wait_end()
        self.refused("POST", "/api/orders", "order", {"orderItems": [{"productId": 1, "quantity": 1}]})
        self.refused("GET", "/shop", "order")
        self.assertEqual(self.api.get("/api/products/1")[0], 200)
        with Stream(self.shop, target, cursor) as stream:
            self.assertEqual((stream.status, stream.wait_end().kinds()), (200, []))
        self.shop.start("order")
        self.customer.is_at(order, "CONFIRMED")
        with Stream(self.shop, target, cursor) as stream:
            until(lambda: "COMPLETED" in [event["eventType"] for event in stream.of("progress")], lambda: f"the bar is full: {stream.blocks}")
            self.assertNotIn("reset", stream.kinds())

    def test_the_file_as_it_stands_speaks_tls_and_lets_nobody_be_an_operator(self):
        certificate_folder = tempfile.TemporaryDirectory()
        self.addCleanup(certificate_folder.cleanup)
        certificate = proxies.Certificate(certificate_folder.name)
        ports = dict(re.findall(r"server (\w+) 127\.0\.0\.1:(\d+)", (self.folder / "kept/haproxy.cfg").read_text()))
        with proxies.haproxy_shop(certificate, ports) as proxy:
            def ask(target, *options):
                done = subprocess.run(["curl", "-sS", "--http2", "--max-time", "20", "--cacert", certificate.chain, "-w", " %{http_code} %{http_version}",
                                       *options, f"https://localhost:{proxy.port}{target}"], capture_output=True, text=True, check=True)
                return done.stdout
            self.assertIn("노트북", ask("/api/products"))
            self.assertTrue(ask("/shop").endswith(" 200 2"))
            order = json.loads(ask("/api/orders", "-H", "Content-Type: application/json", "-d",
                                   json.dumps({"userId": self.customer.user, "orderItems": [{"productId": 1, "quantity": 1}]})).rsplit(" ", 2)[0])
            self.customer.is_at(order["orderId"], "CONFIRMED")
            for target in ("/services/payment/metrics", "/api/dead-letters", "/api/streams/stock-all"):
                self.assertIn("admin-needs-auth", ask(target), target)
            self.assertIn("admin-needs-auth", ask("/api/products/1", "-X", "PUT", "-H", "Content-Type: application/json", "-d", "{}"))

    def test_a_customer_at_the_page_sees_it_all(self):
        with subprocess.Popen(["node", "over_four.mjs", f"http://localhost:{self.shop.port}"], cwd=servers.ROOT / "tests/web", stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as browser:
            try:
                def hear(word):
                    line = browser.stdout.readline().strip()
                    self.assertEqual(line, word, line + browser.stdout.read() if line != word else "")

                def tell(word):
                    browser.stdin.write(word + "\n")
                    browser.stdin.flush()

                hear("confirmed, refused and told")
                self.shop.kill("product")
                tell("product is away")
                hear("said, and still ordered")
                self.shop.start("product")
                tell("product is back")
                hear("confirmed")
                self.assertEqual(browser.wait(LIMIT_S), 0)
            finally:
                browser.kill()


class Kept(unittest.TestCase):
    """With a broker of its own, whose data and journals outlive it."""

    def test_what_is_kept_goes_on_and_an_end_leaves_nothing_running(self):
        with tempfile.TemporaryDirectory() as folder:
            first = Launched("--keep", folder)
            self.addCleanup(first.stop)
            customer = Customer(first)
            order = customer.order()
            customer.is_at(order, "CONFIRMED")
            running = self.children(folder)
            self.assertEqual(len(running), 6, running)  # broker, four services, HAProxy
            self.assertEqual(first.stop(), 0, first.lines)
            self.assertEqual(self.children(folder), [])
            second = Launched("--keep", folder)
            self.addCleanup(second.stop)
            customer.api = Api(second)
            self.assertEqual(customer.status(order), "CONFIRMED")
            # The order may be confirmed, and the services end, before the customer was told of the payment.
            until(lambda: "PAYMENT_COMPLETED" in customer.told(), "the payment is told")
            self.assertEqual(customer.told().count("PAYMENT_COMPLETED"), 1)
            customer.is_at(customer.order(), "CONFIRMED")
            self.assertEqual(second.stop(signal.SIGTERM), 0, second.lines)
            self.assertEqual(self.children(folder), [])

    @staticmethod
    def children(folder):
        """Pids of what runs with something of that folder."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes()
            except OSError:
                continue
            if folder.encode() in words and b"shop.py" not in words:
                found.append(path.parent.name)
        return found


if __name__ == "__main__":
    unittest.main()

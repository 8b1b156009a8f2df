"""What a customer of the shop calls: carts, the list of orders, notifications, over the embedded bus and a journal."""
import json
import tempfile
import unittest

from streams import Api, Stream, crash, servers, unique, until


class Shop(unittest.TestCase):
    def start(self, *settings):
        server = servers.stepcast("shop.enabled=true", *settings)
        self.addCleanup(server.stop)
        api = Api(server)
        until(lambda: api.get("/readyz")[0] == 200, lambda: f"ready: {server.output()}", 60)
        until(lambda: api.get("/api/products/1")[0] == 200, "the first product")
        return server, api

    def put(self, api, user, product, quantity, **headers):
        return api.call("PUT", f"/api/cart/items/{product}?userId={user}", {"quantity": quantity},
                        {name.replace("_", "-"): value for name, value in headers.items()})

    def check_out(self, api, user, headers=None, **body):
        return api.call("POST", "/api/cart/checkout", {"userId": user, **body}, headers)

    def ended(self, api, order):
        def status():
            now = api.get(f"/api/orders/{order}")[1]["status"]
            return now if now in ("CONFIRMED", "CANCELLED") else None
        return until(status, f"the end of order {order}")

    def order(self, api, user, method="CARD", quantity=1):
        status, answer, _ = api.call("POST", "/api/orders", {"userId": user, "orderItems": [{"productId": 1, "quantity": quantity}],
                                                             "paymentMethod": method})
        self.assertEqual(status, 202, answer)
        return answer["orderId"]

    def told(self, api, user, kind):
        """The user's notifications, once one of a kind is among them."""
        def told():
            told = api.get(f"/api/notifications?userId={user}")[1]
            return told if kind in [one["type"] for one in told] else None
        return until(told, f"{kind} of {user}")

    def test_a_cart_is_filled_travels_through_time_and_becomes_an_order_once(self):
        _, api = self.start()
        api.call("PUT", "/api/products/2", {"name": "마우스", "price": 20_000, "stock": 5})
        self.assertEqual(api.get("/api/cart?userId=kim")[1], {"userId": "kim", "items": [], "totalAmount": 0, "version": 0})
        status, cart, headers = self.put(api, "kim", 1, 2)
        self.assertEqual((status, cart["version"], headers["ETag"]), (200, 1, '"v1"'))
        self.assertEqual(cart["items"], [{"productId": 1, "name": "노트북", "price": 1_200_000, "quantity": 2}])
        between = cart["updatedAt"]
        self.put(api, "kim", 2, 3)
        self.assertEqual(self.put(api, "kim", 2, 3)[1]["version"], 2)  # it is so already
        status, refused, _ = self.put(api, "kim", 2, 1, If_Match='"v1"')
        self.assertEqual((status, refused["code"], refused["actual"]), (412, "wrong-expected-version", 2))
        self.assertEqual(api.call("DELETE", "/api/cart/items/1?userId=kim")[1]["totalAmount"], 60_000)
        self.put(api, "kim", 1, 1)

        times = {}
        for version, quantities in ((1, {1: 2}), (2, {1: 2, 2: 3}), (3, {2: 3}), (4, {2: 3, 1: 1})):
            past = api.get(f"/api/cart?userId=kim&version={version}")[1]
            self.assertEqual({item["productId"]: item["quantity"] for item in past["items"]}, quantities)
            self.assertEqual(api.get(f"/api/cart?userId=kim&at={past['updatedAt']}")[1]["updatedAt"], past["updatedAt"])
            times[version] = past["updatedAt"]
        # The last version of that moment: further changes may be of the same millisecond.
        last = max(version for version, at in times.items() if at == between)
        self.assertEqual(api.get(f"/api/cart?userId=kim&at={between}")[1]["version"], last)
        for past in ("version=5", "version=0", "at=2000-01-01T00:00:00Z", "version=1&at=2000-01-01T00:00:00Z"):
            self.assertIn(api.get(f"/api/cart?userId=kim&{past}")[0], (400, 404), past)

        status, taken, headers = self.check_out(api, "kim", shippingAddress="서울", paymentMethod="CARD")
        self.assertEqual((status, taken["status"], headers["Location"]), (202, "PENDING", f"/api/orders/{taken['orderId']}"))
        self.assertEqual(self.ended(api, taken["orderId"]), "CONFIRMED")
        order = api.get(headers["Location"])[1]
        self.assertEqual((order["totalAmount"], order["shippingAddress"], order["customerId"]), (1_260_000, "서울", "kim"))
        emptied = api.get("/api/cart?userId=kim")[1]
        self.assertEqual((emptied["items"], emptied["version"]), ([], 5))
        self.assertEqual(len(api.get("/api/cart?userId=kim&version=4")[1]["items"]), 2)
        status, refused, _ = self.check_out(api, "kim")
        self.assertEqual((status, refused["code"]), (409, "empty-cart"))

    def test_a_checkout_that_is_sent_again_is_the_same_order(self):
        _, api = self.start()
        self.put(api, "lee", 1, 1)
        key = {"Idempotency-Key": "once"}
        first = self.check_out(api, "lee", key, paymentMethod="CARD")
        again = self.check_out(api, "lee", key, paymentMethod="CARD")
        self.assertEqual((again[0], again[1]), (first[0], first[1]))
        self.assertEqual(again[2]["Idempotency-Replayed"], "true")
        self.assertEqual(self.check_out(api, "lee", key, paymentMethod="OTHER")[0], 422)
        self.put(api, "lee", 1, 1)
        other = self.check_out(api, "lee", paymentMethod="CARD")
        self.assertEqual(other[0], 202, other[1])
        self.assertNotEqual(other[1]["orderId"], first[1]["orderId"])
        self.assertEqual(len(api.get("/api/orders?userId=lee")[1]), 2)

    def test_a_bad_call_on_a_cart_is_refused_by_name(self):
        _, api = self.start()
        self.assertEqual(self.put(api, "kim", 9, 1)[1]["code"], "unknown-product")
        for quantity in (0, -1, 1.5, "2", None):
            status, refused, _ = self.put(api, "kim", 1, quantity)
            self.assertEqual((status, refused["field"]), (400, "quantity"), quantity)
        self.assertEqual(self.put(api, "kim", "x", 1)[1]["field"], "productId")
        self.assertEqual(self.put(api, "k" * 129, 1, 1)[1]["field"], "userId")
        self.assertEqual(api.get("/api/cart?userId=kim")[1]["version"], 0)

    def test_orders_are_listed_by_customer_status_and_time_and_told_event_by_event(self):
        _, api = self.start()
        kims = [self.order(api, "kim") for _ in range(3)]
        declined = self.order(api, "kim", "TEST_DECLINE")
        lees = self.order(api, "lee")
        for order in kims:
            self.assertEqual(self.ended(api, order), "CONFIRMED")
        self.assertEqual(self.ended(api, declined), "CANCELLED")
        self.assertEqual(self.ended(api, lees), "CONFIRMED")
        head = api.call("PUT", "/api/products/1", {"name": "노트북", "price": 1, "stock": 100})[2]["Stepcast-Position"]

        def listed(query):
            status, orders, _ = api.get(f"/api/orders?wait={head}&{query}")
            self.assertEqual(status, 200, orders)
            return [order["orderId"] for order in orders]
        self.assertEqual(len(listed("")), 5)
        self.assertCountEqual(listed("userId=kim"), [*kims, declined])
        self.assertEqual(listed("userId=kim&status=CANCELLED"), [declined])
        self.assertEqual(listed("userId=lee&status=CANCELLED"), [])
        first = api.get(f"/api/orders/{kims[0]}")[1]
        self.assertNotIn(kims[0], listed(f"until={first['createdAt']}"))
        self.assertIn(kims[0], listed(f"since={first['createdAt']}"))
        pages, target = [], "/api/orders?userId=kim&limit=2"
        while target:
            _, orders, headers = api.get(target)
            pages += [order["orderId"] for order in orders]
            target = headers["Link"].split(">")[0][1:] if headers["Link"] else ""
        self.assertEqual(pages, listed("userId=kim"))
        for bad in ("status=NEW", "since=noon", "limit=0", "after=x"):
            self.assertEqual(api.get(f"/api/orders?{bad}")[0], 400, bad)

        events = api.get(f"/api/orders/{declined}/events")[1]
        self.assertEqual([(event["version"], event["type"]) for event in events],
                         [(1, "ORDER_CREATED"), (2, "ORDER_STOCK_RESERVED"), (3, "ORDER_CANCELLED")])
        status, part, headers = api.get(f"/api/orders/{declined}/events?from=2&limit=1")
        self.assertEqual((part, headers["ETag"]), ([events[1]], '"v3"'))
        self.assertIn("from=3", headers["Link"])
        self.assertEqual(api.get("/api/orders/nobody/events")[0], 404)
        for version, standing in ((1, "PENDING"), (2, "STOCK_RESERVED"), (3, "CANCELLED")):
            past = api.get(f"/api/orders/{declined}?version={version}")[1]
            self.assertEqual(past["status"], standing)
            self.assertLessEqual(version, api.get(f"/api/orders/{declined}?at={past['updatedAt']}")[1]["version"])
        self.assertEqual(api.get(f"/api/orders/{declined}?version=4")[0], 404)
        self.assertEqual(api.get(f"/api/orders/{declined}", If_None_Match='"v3"')[0], 304)

    def test_the_list_of_orders_is_folded_anew_while_orders_come(self):
        with tempfile.TemporaryDirectory() as folder:
            _, api = self.start(f"store.path={folder}/journal")
            api.call("PUT", "/api/products/1", {"name": "노트북", "price": 1, "stock": 100_000})
            orders = [self.order(api, f"user-{number % 7}") for number in range(100)]
            status, begun, headers = api.call("POST", "/api/projections/orders/rebuild")
            self.assertEqual((status, begun["success"], headers["Location"]), (202, True, f"/api/v2/progress/status/{begun['taskId']}"))

            def ends():
                orders.append(self.order(api, f"user-{len(orders) % 7}"))
                return api.status(begun["taskId"])[1].get("status") == "COMPLETED"
            until(ends, lambda: api.status(begun["taskId"])[1])
            orders.append(self.order(api, "user-0"))
            for order in orders:
                self.assertEqual(self.ended(api, order), "CONFIRMED")
            until(lambda: len(api.get("/api/orders?status=CONFIRMED&limit=1000")[1]) == len(orders), "all of them are in the list")
            self.assertEqual({order["orderId"] for order in api.get("/api/orders?limit=1000")[1]}, set(orders))
            self.assertEqual(api.series('stepcast_projection_rebuilds_total{projection="orders",result="done"}'), 1)
            self.assertEqual(api.series('stepcast_projection_differences_total{projection="orders"}'), 0)

    def test_notifications_come_live_are_resumed_without_a_gap_and_marked_as_read(self):
        server, api = self.start()
        target = "/api/notifications/subscribe?userId=kim"
        with Stream(server, target) as stream:
            stream.settled()
            self.assertEqual(stream.of("recovery"), [{"userId": "kim", "unread": 0, "readUpTo": 0, "latest": []}])
            order = self.order(api, "kim")
            told = stream.wait("notification", 2)
            # They come over two topics, in whatever order.
            self.assertCountEqual([one["type"] for one in told], ["ORDER_CREATED", "PAYMENT_COMPLETED"])
            self.assertEqual([one["version"] for one in told], [1, 2])
            self.assertEqual({one["orderId"] for one in told}, {order})
            cursor = stream.cursor()
        missed = self.order(api, "kim", quantity=999)
        self.told(api, "kim", "ORDER_FAILED")
        with Stream(server, target, cursor) as stream:
            stream.settled()
            self.assertEqual(stream.of("recovery"), [])
            self.assertEqual({one["orderId"] for one in stream.wait("notification", 2)}, {missed})
            self.assertEqual([one["version"] for one in stream.of("notification")], [3, 4])
            status, marked, _ = api.call("POST", "/api/notifications/read", {"userId": "kim", "upTo": 3})
            self.assertEqual((status, marked), (200, {"unread": 1, "readUpTo": 3}))
            mark = stream.wait("notification", 3)[-1]
            self.assertEqual((mark["type"], mark["upTo"]), ("READ", 3))
        self.assertEqual(api.call("POST", "/api/notifications/read", {"userId": "kim", "upTo": 1})[1], {"unread": 1, "readUpTo": 3})
        self.assertEqual(api.call("POST", "/api/notifications/read", {"userId": "kim", "upTo": 99})[0], 404)
        listed = api.get("/api/notifications?userId=kim")[1]
        self.assertEqual([one["read"] for one in listed], [True, True, True, False])
        with Stream(server, target) as stream:
            box = stream.settled().of("recovery")[0]
            self.assertEqual((box["unread"], box["readUpTo"], box["latest"]), (1, 3, listed))
            self.assertEqual(stream.of("notification"), [])
        with Stream(server, target, "elsewhere.7") as stream:
            self.assertEqual(stream.settled().kinds(), ["reset", "recovery", "live"])
        with Stream(server, "/api/notifications/subscribe?userId=lee") as stream:
            self.assertEqual(stream.settled().of("recovery")[0]["latest"], [])

    def test_a_journal_keeps_carts_lists_and_marks_over_kill_9(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"store.path={folder}/journal"
            server, api = self.start(path)
            for product in range(2, 7):
                api.call("PUT", f"/api/products/{product}", {"name": unique("p"), "price": product, "stock": 9})
            for count in range(1, 130):  # over a snapshot
                self.put(api, "kim", 2 + count % 5, count)
            orders = [self.order(api, "kim") for _ in range(3)]
            for order in orders:
                self.ended(api, order)
            until(lambda: len(api.get("/api/notifications?userId=kim")[1]) == 6, "six notifications")
            api.call("POST", "/api/notifications/read", {"userId": "kim", "upTo": 4})
            asked = ("/api/cart?userId=kim", "/api/cart?userId=kim&version=77", "/api/orders?userId=kim", "/api/notifications?userId=kim",
                     f"/api/orders/{orders[0]}/events", "/api/streams/cart-kim/state")
            before = {target: api.get(target)[1] for target in asked}
            crash(server)
            _, api = self.start(path)
            for target in asked:
                self.assertEqual(json.dumps(api.get(target)[1]), json.dumps(before[target]), target)
            taken = self.check_out(api, "kim")[1]
            self.assertIn(self.ended(api, taken["orderId"]), ("CONFIRMED", "CANCELLED"))


if __name__ == "__main__":
    unittest.main()

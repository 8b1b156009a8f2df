"""The shop with a payment provider behind HTTP."""
import unittest

from payment_provider import Provider
from streams import Api, servers, until


class HttpProvider(unittest.TestCase):
    def setUp(self):
        self.provider = Provider()
        self.addCleanup(self.provider.close)
        server = servers.stepcast("shop.enabled=true", f"shop.payment_url={self.provider.url}", "shop.circuit_failures=2",
                                  "shop.circuit_open_for=500ms")
        self.addCleanup(server.stop)
        self.api = Api(server)
        until(lambda: self.api.get("/api/products/1")[0] == 200, "the first product")

    def order(self, method="CARD"):
        status, answer, _ = self.api.call("POST", "/api/orders", {"orderItems": [{"productId": 1, "quantity": 1}], "paymentMethod": method})
        self.assertEqual(status, 202, answer)
        return answer["orderId"]

    def comes(self, order, status):
        until(lambda: self.api.get(f"/api/orders/{order}")[1]["status"] == status, lambda: self.api.get(f"/api/orders/{order}")[1])

    def circuit(self, row):
        return f"stepcast_circuit_{row}" in self.api.get("/metrics")[1]

    def test_an_order_is_charged_once_refused_or_given_back(self):
        paid, refused = self.order(), self.order("NO_MONEY")
        self.comes(paid, "CONFIRMED")
        self.comes(refused, "CANCELLED")
        self.assertEqual(self.api.get(f"/api/orders/{refused}")[1]["reason"], "결제 거절")
        self.assertEqual(self.provider.taken, {paid: 1_200_000})
        self.assertEqual(self.provider.calls["/v1/charges", f"charge-{paid}"], 1)
        self.assertEqual(self.api.call("POST", f"/api/orders/{paid}/cancel")[0], 202)
        until(lambda: not self.provider.taken, "the money is given back")
        self.assertGreaterEqual(self.provider.calls["/v1/refunds", f"refund-{paid}"], 1)

    def test_a_provider_in_trouble_is_left_alone_until_it_answers(self):
        self.provider.status = 503
        orders = [self.order() for _ in range(5)]
        until(lambda: self.circuit('opened_total{step="charge"} 1'), "the circuit is open")
        self.assertTrue(self.circuit('state{step="refund"} 0'), "each step has its own")
        charge, refund = self.api.get("/api/circuits")[1]["circuits"]
        self.assertEqual((charge["step"], charge["opened"], charge["failures"] >= 2, "openUntil" in charge), ("charge", 1, True, True))
        self.assertEqual((refund["step"], refund["state"], refund["failures"]), ("refund", "closed", 0))
        self.provider.status = 0
        for order in orders:
            self.comes(order, "CONFIRMED")
        self.assertEqual(self.provider.taken, dict.fromkeys(orders, 1_200_000))
        until(lambda: self.circuit('state{step="charge"} 0'), "the circuit is closed")


if __name__ == "__main__":
    unittest.main()

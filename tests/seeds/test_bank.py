"""The guides' calls as curl lines, and their answers: event sourcing (bank.txt), the shopping mall (shop.txt)."""

import json
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from streams import Api, servers, until  # noqa: E402


class Bank(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast("shop.enabled=true")
        cls.addClassCleanup(cls.server.stop)
        until(lambda: Api(cls.server).get("/readyz")[0] == 200, "a server that is ready")

    def answers(self, file="bank.txt"):
        """The answer to each line of the file, in order."""
        order = ""
        for line in (HERE / file).read_text(encoding="utf-8").splitlines():
            if not line.startswith("curl "):
                continue
            line = line.replace("localhost:8082", f"127.0.0.1:{self.server.port}").replace("{orderId}", order)
            answer = until(lambda: self.settled(line), f"an answer to {line}")
            order = answer.get("orderId", order) if isinstance(answer, dict) else order
            yield answer

    @staticmethod
    def settled(line):
        """The answer to a line; nothing while it is a transfer or an order that has not ended."""
        done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=20, check=True)
        answer = json.loads(done.stdout)
        if "/api/transfers/" in line and answer["status"] in ("INITIATED", "DEBITED"):
            return None
        if "/api/orders/" in line and answer["status"] in ("PENDING", "STOCK_RESERVED", "PAID"):
            return None
        return answer

    def test_the_guides_main_gives_the_guides_answers(self):
        answers = self.answers()
        created = next(answers)
        self.assertEqual((created["success"], created["accountId"]), (True, "ACC-001"))
        deposited = next(answers)
        self.assertEqual((deposited["success"], deposited["newBalance"]), (True, 1500))

        view = next(answers)
        self.assertEqual({name: view[name] for name in ("accountId", "owner", "balance", "status", "transactionCount")},
                         {"accountId": "ACC-001", "owner": "Kim", "balance": 1500, "status": "ACTIVE", "transactionCount": 1})
        self.assertLessEqual(view["createdAt"], view["lastUpdated"])

        events = next(answers)
        self.assertEqual([event["eventType"] for event in events], ["ACCOUNT_CREATED", "MONEY_DEPOSITED"])
        self.assertEqual([event["metadata"]["version"] for event in events], [1, 2])
        self.assertEqual({event["aggregateId"] for event in events}, {"ACC-001"})
        self.assertEqual(events[0]["data"], {"owner": "Kim", "initialBalance": 1000, "currency": "KRW", "status": "ACTIVE"})
        self.assertEqual((events[1]["data"]["amount"], events[1]["data"]["source"]), (500, "ATM"))
        self.assertEqual(events[1]["data"]["transactionId"], deposited["transactionId"])

        self.assertEqual(next(answers)["status"], 404)  # two events make no version 3
        self.assertEqual(next(answers)["newBalance"], 1200)
        self.assertEqual(next(answers)["balance"], 1200)
        self.assertEqual(next(answers)["balance"], 1000)
        self.assertEqual([account["balance"] for account in next(answers)], [1200])

        self.assertTrue(next(answers)["success"])
        for transfer, between in (("T-1", ("ACC-001", "ACC-002")), ("T-2", ("ACC-002", "ACC-001"))):
            begun = next(answers)
            self.assertEqual((begun["success"], begun["transferId"], begun["taskId"]), (True, transfer, transfer))
            ended = next(answers)
            self.assertEqual((ended["status"], ended["from"], ended["to"]), ("COMPLETED", *between))

        for code, sentence in (("account-already-created", "Account already created"),
                               ("amount-must-be-positive", "Amount must be positive"),
                               ("insufficient-balance", "Insufficient balance")):
            refused = next(answers)
            self.assertEqual((refused["code"], refused["detail"]), (code, sentence))
        self.assertEqual(next(answers)["newBalance"], 0)
        self.assertTrue(next(answers)["success"])
        refused = next(answers)
        self.assertEqual((refused["code"], refused["detail"]), ("account-not-active", "Account is not active"))
        self.assertEqual([(one["type"], one["amount"], one["balanceAfter"]) for one in next(answers)],
                         [("DEPOSIT", 500, 1500), ("WITHDRAWAL", 300, 1200), ("WITHDRAWAL", 200, 1000), ("DEPOSIT", 200, 1200),
                          ("WITHDRAWAL", 1200, 0)])
        self.assertIsNone(next(answers, None))

    def test_the_shopping_malls_orders_end_as_it_says(self):
        until(lambda: Api(self.server).get("/api/products/1")[0] == 200, "the first product")
        answers = self.answers("shop.txt")
        placed = next(answers)
        self.assertEqual((placed["status"], placed["taskId"]), ("PENDING", placed["orderId"]))
        order = next(answers)
        self.assertEqual((order["status"], order["items"], order["shippingAddress"]),
                         ("CONFIRMED", [{"productId": 1, "quantity": 2, "price": 1200000}], "서울시 강남구"))
        next(answers)
        refused = next(answers)
        self.assertEqual((refused["status"], refused["reason"]), ("CANCELLED", "재고 부족: 상품 1, 주문 999개, 재고 98개"))

        self.assertEqual(next(answers), {"productId": 7, "name": "마우스", "price": 5, "stock": 3, "reserved": 0})
        below = next(answers)
        self.assertEqual((below["status"], below["field"], below["detail"]), (400, "stock", "stock: 2 are reserved"))
        self.assertEqual([(product["productId"], product["stock"], product["reserved"]) for product in next(answers)],
                         [(1, 100, 2), (7, 3, 0)])


if __name__ == "__main__":
    unittest.main()

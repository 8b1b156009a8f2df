"""Orders of the shop always end: while the server dies at named places, when messages come again and in another order, behind a letter
that nobody can read, and when their time came while nobody ran."""
import json
import os
import random
import subprocess

import transfers
from clock import WallClock
from harness import Api, check, unique, until
from streams import crash

OPEN = ("shop.enabled=true", "orders.enabled=false")
ORCHESTRATED = ("--set", "shop.saga=orchestration")
# What the services tell each other.
TOPICS = ("order-created", "order-cancelled", "stock-reserved", "stock-reservation-failed", "payment-completed", "payment-failed", "order-events")
# And what an orchestrator tells them, and they answer.
COMMANDS = ("payment-commands", "stock-commands", "compensation-completed")
HOUR_MS = 3_600_000
DAYS_MS = 8 * 24 * HOUR_MS  # one more than inbox.keep


def prove(run, *arguments):
    figures = transfers.prove(run, "--shop", "--kills", str(run.of(7, 21)), "--rate", "100", *arguments)
    check(min(figures["confirmed"], figures["compensated"], figures["cancels"], figures["repeats"]) > 0, f"nothing is proved: {figures}")
    check(figures["confirmed"] + figures["compensated"] == figures["accepted"] and figures["stuck"] == 0, figures)
    run.add(**{name: figures[name] for name in ("kills", "accepted", "confirmed", "compensated", "repeats")})
    run.note_max(confirmed_p99_ms_max=figures["completionP99Ms"])
    return figures


def shop_dies(run):
    prove(run)


def records(topic):
    """All of a topic, as kcat's JSON."""
    done = subprocess.run(["kcat", "-b", os.environ["STEPCAST_TEST_KAFKA"], "-C", "-t", topic, "-o", "beginning", "-e", "-J", "-q"],
                          stdout=subprocess.PIPE, check=True, timeout=120)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def produce(topic, pairs):
    lines = "".join(f"{key}\t{value}\n" for key, value in pairs)
    subprocess.run(["kcat", "-b", os.environ["STEPCAST_TEST_KAFKA"], "-P", "-t", topic, "-K", "\t", "-X", "partitioner=murmur2_random"],
                   input=lines, text=True, check=True, timeout=60)


def check_topics(run, prefix):
    """What a kill had sent again has the same bytes, and of an order there is one message at most on each topic."""
    for topic in TOPICS:
        seen = {}
        for record in records(prefix + topic):
            message = json.loads(record["payload"])
            name = (record["key"], message["type"] if topic == "order-events" else topic)
            check(seen.setdefault(name, record["payload"]) == record["payload"], f"{topic} tells two things of {name}: {seen[name]} {record['payload']}")
            run.add(records=1)
        run.add(told=len(seen))


def shop_dies_with_kafka(run, *arguments):
    figures = prove(run, "--kafka", os.environ["STEPCAST_TEST_KAFKA"], "--set", "kafka.partitions=3", *arguments)
    check_topics(run, figures["topicPrefix"])


def orchestrated_shop_dies(run):
    prove(run, *ORCHESTRATED)


def orchestrated_shop_dies_with_kafka(run):
    shop_dies_with_kafka(run, *ORCHESTRATED)


class Shop:
    """The shop of one server."""

    def __init__(self, server):
        self.api = Api(server)
        until(lambda: self.api.get("/api/products/1")[0] == 200, "the first product")

    def stock(self, product, pieces):
        check(self.api.call("PUT", f"/api/products/{product}", {"name": f"product {product}", "price": 100, "stock": pieces})[0] == 200, "the stock is set")

    def order(self, product, method, quantity=1):
        status, answer, _ = self.api.call("POST", "/api/orders", {"userId": "ada", "paymentMethod": method,
                                                                  "orderItems": [{"productId": product, "quantity": quantity}]})
        check(status == 202, f"{status} {answer}")
        return answer["orderId"]

    def status(self, order):
        return self.api.get(f"/api/orders/{order}")[1].get("status")

    def ends(self, order, limit=60):
        return until(lambda: (status := self.status(order)) in ("CONFIRMED", "SHIPPED", "CANCELLED") and status, lambda: f"the end of {order}: {self.status(order)}",
                     limit)

    def types(self, stream):
        """What happened, without repetitions; each event stands there once."""
        status, events, _ = self.api.get(f"/api/streams/{stream}?limit=1000")
        if status == 404:
            return []
        ids = [event["eventId"] for event in events]
        check(len(set(ids)) == len(ids), f"{stream} has an event twice: {ids}")
        return [event["type"] for event in events]

    def state(self, orders):
        """All that the services have stored."""
        return (self.api.get("/api/products")[1], self.types("stock-all"), self.types("notification-ada"),
                [(self.types(f"order-{order}"), self.types(f"payment-{order}")) for order in orders])


def repeated_and_reordered(run):
    """All messages come again, in any order: nothing changes. Then those of an order that its services have never heard of come before it, its
    cancel first: it is barred."""
    server = run.start(*OPEN, *run.kafka(), "shop.ship_after=0s")
    shop = Shop(server)
    shop.stock(2, 1000)
    shop.stock(3, 1)
    orders = [shop.order(2, method) for method in ("CARD", "TEST_DECLINE", "TEST_SLOW", "CARD") for _ in range(run.of(5, 25))]
    orders += [shop.order(3, "CARD") for _ in range(5)]
    for order in orders:
        shop.ends(order)
    until(lambda: all(shop.status(order) in ("SHIPPED", "CANCELLED") for order in orders), "everything leaves", 60)
    until(lambda: all(product["reserved"] == 0 for product in shop.api.get("/api/products")[1]), "nothing is reserved any more", 60)
    until(lambda: shop.api.metric("stepcast_outbox_pending") == 0, "the outbox is empty", 60)
    before = shop.state(orders)
    again = [(topic, record["key"], record["payload"]) for topic in TOPICS for record in records(run.prefix + topic)]
    random.Random(run.seed).shuffle(again)
    for topic in TOPICS:
        produce(run.prefix + topic, [(key, payload) for name, key, payload in again if name == topic])
    behind = [shop.order(2, "CARD") for _ in range(3)]
    for order in behind:
        shop.ends(order)
    run.add(orders=len(orders), repeated=len(again))
    late = unique("late")
    produce(run.prefix + "order-cancelled", [(late, json.dumps({"orderId": late, "userId": "bob", "reason": "고객 취소"}))])
    until(lambda: shop.types(f"payment-{late}") == ["PAYMENT_CANCELLED"], lambda: f"the payment is barred: {shop.types(f'payment-{late}')}")
    until(lambda: f"{late}:stock" in [event["eventId"] for event in newest(shop)], "the stock is barred")
    items = [{"productId": 2, "quantity": 1, "price": 100}]
    produce(run.prefix + "order-created", [(late, json.dumps({"orderId": late, "userId": "bob", "items": items, "totalAmount": 100}))])
    produce(run.prefix + "stock-reserved", [(late, json.dumps({"orderId": late, "userId": "bob", "items": items, "totalAmount": 100}))])
    until(lambda: shop.types("notification-bob") == ["NOTIFIED"], "the order is heard of")
    until(lambda: all(shop.status(order) == "SHIPPED" for order in behind), "what was ordered meanwhile leaves")
    check(shop.types(f"payment-{late}") == ["PAYMENT_CANCELLED"], "a barred payment goes on")
    until(lambda: shop.api.metric("stepcast_bus_lag") == 0, lambda: f"all is worked off: {shop.api.metric('stepcast_bus_lag')} left", 60)
    check(server.stop() == 0, server.output()[-2000:])
    shop = Shop(run.start(*OPEN, *run.kafka(), "shop.ship_after=0s", port=server.port))
    after = shop.state(orders)
    for old, new, what in zip(before[3], after[3], orders):
        check(old == new, f"{what} changed: {old} {new}")
    # Three orders were reserved and left since, and one was barred.
    check(len(after[1]) == len(before[1]) + 2 * len(behind) + 1, f"the stock heard a message twice: {after[1][len(before[1]):]}")
    left = {product["productId"]: product["stock"] for product in before[0]}
    left[2] -= len(behind)
    check({product["productId"]: product["stock"] for product in after[0]} == left, f"the stock changed: {before[0]} {after[0]}")


def again_on_day_eight(run):
    """What comes again once no inbox remembers it is refused by the natural keys of what it is about, in both styles: nothing is charged, reserved
    or told of an order a second time. A notification that has expired may be told again, once."""
    clock = WallClock(run)
    settings = (*OPEN, *run.kafka(), "shop.ship_after=0s")
    server, orders = None, []
    for style in ("choreography", "orchestration"):
        if server is not None:
            check(server.stop() == 0, server.output()[-2000:])
        server = run.start(*settings, f"shop.saga={style}", env=clock.env, port=server and server.port)
        shop = Shop(server)
        shop.stock(2, 1000)
        fresh = [shop.order(2, method) for method in ("CARD", "TEST_DECLINE", "TEST_LOST_REPLY", "CARD") for _ in range(run.of(2, 10))]
        for order in fresh:
            until(lambda order=order: shop.status(order) in ("SHIPPED", "CANCELLED"), lambda order=order: f"the end of {order}", 60)
        until(lambda: all(product["reserved"] == 0 for product in shop.api.get("/api/products")[1]), "nothing is reserved any more", 60)
        until_quiet(shop)
        orders += fresh
    before = shop.state(orders)
    again = [(topic, record["key"], record["payload"]) for topic in TOPICS + COMMANDS for record in records(run.prefix + topic)]
    run.random.shuffle(again)
    crash(server)
    clock.step(DAYS_MS)
    server = run.start(*settings, env=clock.env, port=server.port)
    shop = Shop(server)
    for topic in TOPICS + COMMANDS:
        produce(run.prefix + topic, [(key, payload) for name, key, payload in again if name == topic])
    fresh = shop.order(2, "CARD")
    until(lambda: shop.status(fresh) == "SHIPPED", lambda: f"an order of that day: {shop.status(fresh)}", 60)
    until(lambda: len(shop.types("stock-all")) >= len(before[1]) + 2, "its stock leaves")
    until_quiet(shop)
    after = shop.state(orders)
    check(before[3] == after[3], lambda: f"changed: {[pair for pair in zip(before[3], after[3]) if pair[0] != pair[1]]}")
    check(len(after[1]) == len(before[1]) + 2, f"the stock heard a message again: {after[1][len(before[1]):]}")
    run.add(orders=len(orders), repeated=len(again))
    check(server.stop() == 0, server.output()[-2000:])


def until_quiet(shop):
    """Nothing is owed, and nothing waits to be heard."""
    for metric in ("stepcast_outbox_pending", "stepcast_bus_lag"):
        until(lambda metric=metric: shop.api.metric(metric) == 0, lambda metric=metric: f"{metric} is {shop.api.metric(metric)}", 60)


def newest(shop):
    return shop.api.get("/api/streams/stock-all?limit=1000")[1]


def letter_of_one_key(run):
    """What cannot be read is a dead letter; orders before and behind it on the same partition end."""
    server = run.start(*OPEN, *run.kafka(), "kafka.partitions=1")
    shop = Shop(server)
    shop.stock(2, 1000)
    orders = [shop.order(2, "CARD")]
    bad = unique("bad")
    for topic in TOPICS:
        produce(run.prefix + topic, [(bad, "no json")])
    orders += [shop.order(2, method) for method in ("CARD", "TEST_DECLINE") for _ in range(5)]
    for order in orders:
        shop.ends(order)
    # Each consumer of a topic has a letter of its own.
    def letters():
        return shop.api.get("/api/dead-letters")[1]

    until(lambda: {letter["topic"] for letter in letters()} == {run.prefix + topic for topic in TOPICS}, lambda: f"letters of all topics: {letters()}")
    check({letter["key"] for letter in letters()} == {bad}, letters())
    run.add(orders=len(orders), letters=len(letters()))
    check(server.stop() == 0, server.output()[-2000:])


def deadlines(run):
    """Orders whose time came while the server was down are cancelled after its start, once each; what was paid leaves, once."""
    clock = WallClock(run)
    settings = (*OPEN, "shop.step_timeout=1h", "shop.payment_timeout=1h", "shop.ship_after=1h")
    server = run.start(*settings, env=clock.env)
    shop = Shop(server)
    shop.stock(2, 1000)
    unpaid = [shop.order(2, "TEST_TIMEOUT") for _ in range(run.of(5, 50))]
    paid = [shop.order(2, "CARD") for _ in range(run.of(5, 50))]
    for order in paid:
        check(shop.ends(order) == "CONFIRMED", order)
    until(lambda: all(shop.status(order) == "STOCK_RESERVED" for order in unpaid), "the others are reserved")
    crash(server)
    clock.step(2 * HOUR_MS)
    for _ in range(2):  # the second start finds nothing to do
        server = run.start(*settings, port=server.port, env=clock.env)
        shop = Shop(server)
        for order in unpaid:
            until(lambda order=order: shop.types(f"order-{order}") == ["ORDER_CREATED", "ORDER_STOCK_RESERVED", "ORDER_CANCELLED"],
                  lambda order=order: f"{order}: {shop.types(f'order-{order}')}")
        for order in paid:
            until(lambda order=order: shop.types(f"order-{order}")[2:] == ["ORDER_PAID", "ORDER_CONFIRMED", "ORDER_SHIPPED"],
                  lambda order=order: f"{order}: {shop.types(f'order-{order}')}")
        until(lambda: (product := shop.api.get("/api/products/2")[1])["reserved"] == 0 and product["stock"] == 1000 - len(paid),
              lambda: f"the stock: {shop.api.get('/api/products/2')[1]}")
        crash(server)
    run.add(overdue=len(unpaid), shipped=len(paid))

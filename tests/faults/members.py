"""Strangers join the groups of the shop's services in the middle of their batches, and leave again."""
import os
import subprocess
import time

import sagas
from harness import check, until

# A topic that each service hears.
GROUPS = {"product": "order-created", "payment": "stock-reserved", "order": "payment-completed", "notification": "order-created"}
METHODS = ("CARD", "CARD", "TEST_DECLINE", "TEST_LOST_REPLY")
BURST = 40
HOLDS_S = 1


class Stranger:
    """A member of a group that is given some of its partitions, reads them, and commits nothing: what it read is given again to who has them
    next."""

    def __init__(self, run, service, topic):
        topic = run.prefix + topic
        self.process = subprocess.Popen(
            ["kcat", "-b", os.environ["STEPCAST_TEST_KAFKA"], "-G", f"{run.prefix}{service}-service.{topic.removeprefix(run.prefix)}", topic,
             "-X", "partition.assignment.strategy=range", "-X", "enable.auto.offset.store=false", "-X", "session.timeout.ms=6000", "-q", "-u"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run.exits.callback(self.leave)

    def leave(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()


def rebalances(run):
    """Whatever is under way when a partition goes, and comes again when it is back, every order ends, and nothing happens twice."""
    style = ("choreography", "orchestration")[run.seed % 2]
    server = run.start(*sagas.OPEN, *run.kafka(), f"shop.saga={style}", "shop.ship_after=0s",
                       "shop.step_timeout=10m", "shop.payment_timeout=15s")
    shop = sagas.Shop(server)
    shop.stock(2, 100_000)
    orders = []
    before = shop.api.metric("stepcast_rebalances_total")
    for _ in range(run.of(2, 6)):
        orders += [shop.order(2, METHODS[number % len(METHODS)]) for number in range(BURST)]
        told = shop.api.metric("stepcast_rebalances_total")
        strangers = [Stranger(run, *group) for group in GROUPS.items()]
        orders += [shop.order(2, METHODS[number % len(METHODS)]) for number in range(BURST)]
        until(lambda told=told: shop.api.metric("stepcast_rebalances_total") >= told + len(GROUPS), "the strangers are members", 60)
        orders += [shop.order(2, METHODS[number % len(METHODS)]) for number in range(BURST)]
        time.sleep(HOLDS_S)  # they hold what came meanwhile
        for stranger in strangers:
            stranger.leave()
    for order in orders:
        shop.ends(order, 120)
    until(lambda: all(shop.status(order) in ("SHIPPED", "CANCELLED") for order in orders), "everything leaves", 120)
    sagas.until_quiet(shop)
    shipped = sum(shop.status(order) == "SHIPPED" for order in orders)
    check(shipped == len(orders) * 3 // 4, f"{shipped} of {len(orders)} are shipped")
    until(lambda: (product := shop.api.get("/api/products/2")[1])["reserved"] == 0 and product["stock"] == 100_000 - shipped,
          lambda: f"the stock: {shop.api.get('/api/products/2')[1]}")
    for stream in ["stock-all", "notification-ada", *(f"{kind}-{order}" for order in orders for kind in ("order", "payment"))]:
        kinds = shop.types(stream)
        check(not stream.startswith(("order", "payment")) or len(set(kinds)) == len(kinds), f"{stream}: something happened twice: {kinds}")
    run.add(orders=len(orders), rebalances=int(shop.api.metric("stepcast_rebalances_total") - before))
    check(server.stop() == 0, server.output()[-2000:])

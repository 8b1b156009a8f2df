"""The shop as four processes that share a broker and nothing else, customers who order from it, and what must hold of it in the end."""
import contextlib
import http.client
import json
import random
import sqlite3
import subprocess
import threading

from harness import Api, check, servers, unique, until
from payment_provider import Provider
from streams import crash

SERVICES = ("order", "product", "payment", "notification")
STYLES = ("choreography", "orchestration")
PLENTY, SCARCE = 100_000, 20
SHELVES = {1: PLENTY, 2: PLENTY, 3: PLENTY, 4: SCARCE}
METHODS = ("CARD",) * 6 + ("NO_MONEY", "LOST_REPLY", "SILENT", "SLOW")
CUSTOMERS = 8
PAUSE_S = 0.4
ENDED = ("SHIPPED", "CANCELLED")
END_LIMIT_S = 120
DEATH_LIMIT_S = 120


class FourProcesses:
    """A process for each service, with a journal of its own and a port that stays its own."""

    def __init__(self, run, style):
        self.run, self.style = run, style
        self.provider = Provider()
        run.exits.callback(self.provider.close)
        self.settings = (*run.kafka(), "kafka.properties.session.timeout.ms=6000", "shop.enabled=true", "orders.enabled=false",
                         "shop.ship_after=1s", "shop.step_timeout=40s", "shop.payment_timeout=3s", f"shop.payment_url={self.provider.url}",
                         "shop.circuit_open_for=500ms")
        self.ports = {service: servers.free_port() for service in SERVICES}
        self.running = {}
        for service in SERVICES:
            self.start(service)
        for service in SERVICES:
            run.until_ready(self.running[service])
        for product, pieces in SHELVES.items():
            status = self.api("product").call("PUT", f"/api/products/{product}", {"name": f"product {product}", "price": 100 * product, "stock": pieces})[0]
            check(status == 200, f"a product is set: {status}")
        until(lambda: all(self.api("order").call("PUT", f"/api/cart/items/{product}?userId=first", {"quantity": 1})[0] == 200 for product in SHELVES),
              "the order service knows the products")

    def journal(self, service):
        return self.run.folder / service

    def start(self, service, kill_at=""):
        """`kill_at`: where it dies, as `flow/kill_point` names it."""
        self.running[service] = None
        try:
            self.running[service] = self.run.start(
                *self.settings, f'shop.services=["{service}"]', f"shop.saga={self.style}", journal=self.journal(service), port=self.ports[service],
                env={"STEPCAST_KILL_AT": kill_at}, ready=False)
        except RuntimeError as error:  # it may have died before anybody could connect
            if not kill_at or "it ended with -9" not in str(error):
                raise

    def api(self, service):
        return Api(self.running[service])

    def kill(self, service):
        crash(self.running[service])

    def dies(self, service, point):
        server = self.running[service]
        if server is None:
            return
        until(lambda: server.process.poll() is not None, lambda: f"the {service} service comes by {point}: {self.work_left()}", DEATH_LIMIT_S)
        check(server.wait() == -9, f"the {service} service ended by itself at {point}: {server.output()[-2000:]}")

    def work_left(self):
        """What each service that can be asked has still to hear, and to tell."""
        left = {}
        for service in SERVICES:
            try:
                left[service] = [self.api(service).metric(f"stepcast_{name}") for name in ("bus_lag", "outbox_pending", "rebalances_total")]
            except (AttributeError, OSError, http.client.HTTPException) as error:  # it is dead
                left[service] = repr(error)
        return left

    def end(self):
        for service, server in self.running.items():
            check(server.stop() == 0, f"the {service} service did not end in order: {server.output()[-2000:]}")
            done = subprocess.run([servers.STEPCAST, "journal", "check", str(self.journal(service))], stdout=subprocess.PIPE, text=True)
            check(done.returncode == 0, f"journal check, {service}: {done.stdout[-2000:]}")


def order_of(user, product, quantity, method):
    return {"userId": user, "paymentMethod": method, "orderItems": [{"productId": product, "quantity": quantity}]}


class Customers:
    """Each orders one thing after the other and asks again until somebody answers; one order in eight is cancelled."""

    def __init__(self, api, seed):
        self.api, self.stopping, self.accepted, self.errors = api, threading.Event(), {}, []
        self.threads = [threading.Thread(target=self.shop, args=(f"customer-{number}", random.Random(f"{seed} {number}"))) for number in range(CUSTOMERS)]
        for thread in self.threads:
            thread.start()

    def ask(self, target, body, key=None):
        def answered():
            try:
                status, answer, _ = self.api.call("POST", target, body, {"Idempotency-Key": key} if key else {})
            except (OSError, http.client.HTTPException):
                return None
            return (status, answer) if status < 500 and status != 429 else None
        return until(answered, f"an answer to {target}", 90)

    def shop(self, user, draw):
        try:
            while not self.stopping.wait(PAUSE_S):
                product, quantity = draw.choice(list(SHELVES)), draw.randint(1, 3)
                status, answer = self.ask("/api/orders", order_of(user, product, quantity, draw.choice(METHODS)), unique("order"))
                check(status == 202, f"an order is answered {status}: {answer}")
                self.accepted[answer["orderId"]] = user
                if draw.random() < 1 / 8:
                    self.stopping.wait(draw.choice((0, 0.005, 0.05, 0.6)))  # second thoughts come when they come
                    status, answer = self.ask(f"/api/orders/{answer['orderId']}/cancel", None)
                    check(status in (202, 409), f"a cancel is answered {status}: {answer}")
        except Exception as error:  # said where the fault is judged
            self.errors.append(error)

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        check(not self.errors, lambda: f"customers: {self.errors[:3]}")


def has_ended(api, order):
    """An order, and the saga that led it, if one did."""
    status, saga, _ = api.get(f"/api/sagas/{order}?saga=order")
    return api.get(f"/api/orders/{order}")[1].get("status") in ENDED and (status == 404 or saga.get("status") in ("COMPLETED", "COMPENSATED"))


def until_ended(shop, orders):
    """Every order has ended and nothing is left to do for any."""
    api = shop.api("order")
    for order in orders:
        until(lambda order=order: has_ended(api, order),
              lambda order=order: f"the end of {api.get(f'/api/orders/{order}')[1]} {api.get(f'/api/sagas/{order}')[1]}", END_LIMIT_S)
    for service in SERVICES:
        for metric in ("stepcast_outbox_pending", "stepcast_bus_lag", "stepcast_saga_active", "stepcast_shop_payments_under_way"):
            until(lambda service=service, metric=metric: shop.api(service).metric(metric) == 0,
                  lambda service=service, metric=metric: f"{metric} of {service}: {shop.api(service).metric(metric)}", END_LIMIT_S)
    until(lambda: all(product["reserved"] == 0 for product in shop.api("product").get("/api/products")[1]),
          lambda: f"nothing is reserved: {shop.api('product').get('/api/products')[1]}", END_LIMIT_S)


def stored(path, category):
    """(type, version, data) of all events of a category, in the order in which they happened."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        rows = journal.execute("SELECT name, version, data FROM events JOIN types ON events.type = types.number WHERE category = ? ORDER BY position",
                               (category,)).fetchall()
    return [(kind, version, json.loads(data)) for kind, version, data in rows]


def streams_of(path, category):
    """What happened in each stream of orders, where nothing happens twice."""
    streams = {}
    for kind, version, data in stored(path, category):
        events = streams.setdefault(data.get("payload", data)["orderId"], [])
        check(version == len(events) + 1, f"{category} {data}: version {version} stands where {len(events) + 1} is due")
        events.append((kind, data))
    for order, events in streams.items():
        kinds = [kind for kind, _ in events]
        check(category == "fulfilment" or len(set(kinds)) == len(kinds), f"{category} of {order}: something happened twice: {kinds}")
    return streams


def judge(shop, accepted):
    """Looks into the journals of all, once they have ended."""
    orders = streams_of(shop.journal("order"), "order")
    check(set(accepted) <= set(orders), "an order that was taken is not there")
    shipped = {order: events[0][1]["payload"] for order, events in orders.items() if events[-1][0] == "ORDER_SHIPPED"}
    cancelled = {order for order, events in orders.items() if events[-1][0] == "ORDER_CANCELLED"}
    check(len(shipped) + len(cancelled) == len(orders), f"not ended: {set(orders) - set(shipped) - cancelled}")
    for order, events in streams_of(shop.journal("order"), "fulfilment").items():
        check(events[-1][0] == ("FULFILMENT_COMPLETED" if order in shipped else "FULFILMENT_COMPENSATED"), f"the saga of {order}: {events}")
    judge_money(shop, shipped)
    judge_stock(shop, shipped)
    told = [data["notificationId"] for kind, _, data in stored(shop.journal("notification"), "notification") if kind == "NOTIFIED"]
    check(len(told) == len(set(told)), "a notification stands there twice")
    missing = {order for order in orders if f"{order}:ORDER_CREATED" not in told}
    check(not missing, f"customers were not told of {missing}")
    return {"orders": len(orders), "shipped": len(shipped), "cancelled": len(cancelled)}


def judge_money(shop, shipped):
    """What the provider has is what was shipped, and each order was charged once at most."""
    provider, owed = shop.provider, {order: payload["totalAmount"] for order, payload in shipped.items()}
    check(not provider.faults, provider.faults[:3])
    check(provider.taken == owed, f"taken and not shipped, or the other way round: {set(provider.taken.items()) ^ set(owed.items())}")
    keys = {key for path, key in provider.calls if path == "/v1/charges"}
    check(keys == {f"charge-{key}" for key in provider.asked}, "an order is charged under two keys")
    for order, events in streams_of(shop.journal("payment"), "payment").items():
        kinds = {kind for kind, _ in events}
        check(order in shipped or "PAYMENT_COMPLETED" not in kinds or "PAYMENT_REFUNDED" in kinds, f"{order} is cancelled, its money kept: {kinds}")
        check(order not in shipped or "PAYMENT_COMPLETED" in kinds, f"{order} left unpaid: {kinds}")


def judge_stock(shop, shipped):
    """No more is ever reserved than is there; each order is judged once, and what it holds leaves or comes back once."""
    left, reserved, held, judged, gone = dict.fromkeys(SHELVES, 0), dict.fromkeys(SHELVES, 0), {}, set(), set()
    for kind, _, data in stored(shop.journal("product"), "stock"):
        if kind == "PRODUCT_SET":
            left[data["productId"]] = data["stock"]
            continue
        order, items = data["orderId"], data.get("items", [])
        if kind in ("STOCK_RELEASED", "STOCK_SHIPPED"):
            check(held.pop(order, None) == items, f"{kind} of what {order} does not hold")
            sign = -1
        else:
            check(order not in judged, f"the stock of {order} is judged twice")
            judged.add(order)
            sign = 1 if kind == "STOCK_RESERVED" else 0
            if sign:
                held[order] = items
        for item in items:
            product = item["productId"]
            reserved[product] += sign * item["quantity"]
            if kind == "STOCK_SHIPPED":
                left[product] -= item["quantity"]
                gone.add(order)
            check(0 <= reserved[product] <= left[product], f"product {product}: {reserved[product]} are reserved of {left[product]} at {data}")
    check(not held, f"still held: {held}")
    check(gone == set(shipped), f"shipped, or out of stock, alone: {gone ^ set(shipped)}")
    sold = sum(item["quantity"] for payload in shipped.values() for item in payload["items"])
    check(sum(left.values()) == sum(SHELVES.values()) - sold, f"{left} are left of {SHELVES}, {sold} were shipped")

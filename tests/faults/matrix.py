"""Each service of the shop dies at each boundary, in both styles, while the others die at theirs."""
import threading

import sagas
from harness import check
from services import SERVICES, STYLES, Customers, FourProcesses, judge, until_ended

BOUNDARIES = ("after-consume", "after-commit", "before-publish", "after-publish", "before-offset")
MOST_PASSES = 10  # many messages may pass at once


def deaths(run, turn):
    """Where each service dies, one after the other: (boundary, at which pass). In short every boundary is met, by one service or another."""
    drawn = {}
    for number, service in enumerate(SERVICES):
        boundaries = list(BOUNDARIES)
        run.random.shuffle(boundaries)
        if run.short:
            boundaries = [BOUNDARIES[(2 * (number + turn) + place) % len(BOUNDARIES)] for place in range(2)]
        drawn[service] = [(boundary, run.random.randint(1, MOST_PASSES)) for boundary in boundaries]
    return drawn


class Dying:
    """One service that dies and comes back, in a thread of its own: each time it is there again until its next end."""

    def __init__(self, shop, service, ends):
        self.shop, self.service, self.ends, self.error = shop, service, ends, None
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        try:
            self.shop.kill(self.service)
            for boundary, passes in self.ends:
                self.shop.start(self.service, f"{boundary}:{passes}")
                self.shop.dies(self.service, boundary)
            self.shop.start(self.service)
            self.shop.run.until_ready(self.shop.running[self.service], 60)
        except Exception as error:  # said where the fault is judged
            self.error = error

    def end(self):
        self.thread.join()
        if self.error is not None:
            raise self.error


def services_die(run):
    """The style changes with orders under way; each is led to its end by its own."""
    styles = STYLES if run.seed % 2 else STYLES[::-1]
    shop = FourProcesses(run, styles[0])
    customers = Customers(shop.api("order"), run.seed)
    run.exits.callback(customers.stopping.set)
    for turn, style in enumerate(styles):
        shop.style = style
        drawn = deaths(run, turn)
        for dying in [Dying(shop, service, ends) for service, ends in drawn.items()]:
            dying.end()
        run.add(kills=sum(len(ends) + 1 for ends in drawn.values()))
    customers.end()
    until_ended(shop, customers.accepted)
    shop.end()
    figures = judge(shop, customers.accepted)
    check(min(figures.values()) > 0, f"nothing is proved: {figures}")
    run.add(**figures)
    sagas.check_topics(run, run.prefix)

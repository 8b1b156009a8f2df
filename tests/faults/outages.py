"""The broker goes away, or says nothing any more."""
import json
import subprocess
import threading
import time

from harness import Api, check, until, usage


def outage(run, begin, end, lasts, rounds):
    """The broker is taken away and given back under load, `rounds` times."""
    broker = run.broker()
    server = run.start(*run.kafka(broker.address))
    before, load = usage(server), run.load(server)
    for _ in range(rounds):
        time.sleep(run.random.uniform(0.5, 2))  # the moment is the fault
        load.check_flows()
        broker.act(begin)
        began = time.monotonic()
        run.until_unready(server, "bus")
        time.sleep(max(0.0, began + lasts - time.monotonic()))
        run.until_unready(server, "bus")
        broker.act(end)
        given_back = time.monotonic()
        run.until_ready(server)
        run.note_max(ready_s_max=time.monotonic() - given_back)
        run.until_flowing(server)
        run.add(outages=1)
    run.judge(load)
    run.check_returned(server, before, run.figures["acknowledged"])
    check(len(run.check_journal(server)) >= run.figures["acknowledged"], "an acknowledged event is not in the journal")


def broker_killed(run):
    outage(run, "kill", "restart", run.of(4, 15), run.of(1, 3))


def broker_frozen(run):
    outage(run, "freeze", "thaw", run.of(12, 45), 1)


class Deposits:
    """Clients that pay into accounts of their own, or all into the same, one deposit after the other, until they are told to end."""

    def __init__(self, server, clients, accounts, shared=False):
        self.api, self.over, self.counting = Api(server), threading.Event(), threading.Lock()
        self.paid = {f"{client}-{account}": 0 for client in range(1 if shared else clients) for account in range(accounts)}
        for account in self.paid:
            status = self.api.call("POST", "/api/accounts", {"accountId": account, "owner": "ada"})[0]
            check(status == 201, f"an account is opened: {status}")
        self.threads = [threading.Thread(target=self.pay, args=("0-" if shared else f"{client}-",)) for client in range(clients)]
        for thread in self.threads:
            thread.start()

    def pay(self, prefix):
        mine = [account for account in self.paid if account.startswith(prefix)]
        while not self.over.wait(0.05):  # the other faults want the processors, too
            for account in mine:
                if self.api.call("POST", f"/api/accounts/{account}/deposits", {"amount": 1, "source": "ATM"})[0] == 200:
                    with self.counting:
                        self.paid[account] += 1

    def count(self):
        return sum(self.paid.values())

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def versions_by_key(address, topic):
    """The versions that stand on a topic under each key, in the order in which they stand there."""
    done = subprocess.run(["kcat", "-b", address, "-C", "-t", topic, "-o", "beginning", "-e", "-J", "-q"], capture_output=True,
                          check=True, timeout=60)
    found = {}
    for line in done.stdout.decode().splitlines():
        record = json.loads(line)
        found.setdefault(record["key"], []).append(json.loads(record["payload"])["metadata"]["version"])
    return found


def outbox_over_an_outage(run):
    """The bank goes on while the broker says nothing; afterwards all that it owes leaves, each account's events in their order."""
    broker = run.broker()
    server = run.start(*run.kafka(broker.address))
    deposits = Deposits(server, clients=4, accounts=4)
    run.exits.callback(deposits.end)
    until(lambda: deposits.count() > 100, "deposits flow")
    broker.act("freeze")
    before = deposits.count()
    oldest = lambda: deposits.api.metric("stepcast_outbox_oldest_seconds")
    until(lambda: oldest() >= run.of(5, 60), lambda: f"what is owed waits: {oldest()} s", 120)
    owed = deposits.api.metric("stepcast_outbox_pending")
    check(deposits.count() > before, "no deposit was taken while the broker was away")
    check(owed >= deposits.count() - before - 512, f"{deposits.count() - before} deposits came meanwhile, {owed} messages are owed")
    broker.act("thaw")
    run.until_flowing(server, 100)
    deposits.end()
    until(lambda: deposits.api.metric("stepcast_outbox_pending") == 0, "everything that is owed leaves", 120)
    told = versions_by_key(broker.address, run.prefix + "event-stream-accounts")
    twice = 0
    for account, paid in deposits.paid.items():
        firsts = list(dict.fromkeys(told[account]))
        twice += len(told[account]) - len(firsts)
        check(firsts == list(range(1, paid + 2)), f"the events of {account} stand in another order than they happened in: {firsts}")
    run.add(deposits=deposits.count(), owed=int(owed), told_twice=twice)

"""The broker goes away, or says nothing any more."""
import time

from harness import check, usage


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

"""Orders while the group that works them off is rebalanced, and events that their producer sends twice."""
import json
import os
import subprocess
import threading
import time

from harness import Api, check, unique, until, usage
from streams import order, user_stream

STEPS = [0, 25, 50, 75, 100]
REBALANCE_EVERY_S = 5


class Customers:
    """Orders of many users, one after the other, in a thread of its own."""

    def __init__(self, api, per_second):
        self.api, self.pause, self.tasks, self.error = api, 1 / per_second, [], None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        try:
            while not self.stopping.wait(self.pause):
                self.tasks.append(order(self.api, unique("user")))
        except Exception as error:  # said where the fault is judged
            self.error = error

    def stop(self):
        self.stopping.set()
        self.thread.join()
        check(self.error is None, f"an order was not taken: {self.error!r}")
        return self.tasks


def check_order(api, task):
    events = api.history(task)
    check([event["eventId"] for event in events] == [f"{task}:{step}" for step in range(5)], f"the steps of {task}: {events}")
    check([event["percentage"] for event in events] == STEPS, f"the progress of {task}: {events}")


def rebalances(run):
    settings = (*run.kafka(), "orders.step_delay=300ms")
    one = run.start(*settings)
    before, load = usage(one), run.load(one)
    api, customers = Api(one), Customers(Api(one), 20)
    run.exits.callback(customers.stopping.set)
    two = None
    for turn in range(run.of(4, 12)):
        began = time.monotonic()
        if two is None:
            two = run.start(*settings, journal=run.folder / "second")
        else:
            check(two.stop() == 0, f"the second server did not end in order: {two.output()[-2000:]}")
            two = None
        # The group has settled, or is told of the next change while it still works at this one: both occur.
        time.sleep(max(0.0, began + REBALANCE_EVERY_S * run.random.uniform(0.6, 1) - time.monotonic()))
        load.check_flows()
        run.add(turns=1)
    tasks = customers.stop()
    for task in tasks:
        until(lambda task=task: api.status(task)[1].get("status") == "COMPLETED", f"the end of {task}: {api.status(task)}", 60)
        check_order(api, task)
    run.add(orders=len(tasks), rebalances=int(api.metric("stepcast_rebalances_total")))
    run.judge(load)
    run.check_returned(one, before, run.figures["acknowledged"] + 5 * len(tasks))
    run.check_journal(one)


class Producer:
    """A foreign producer: kcat, fed line by line."""

    def __init__(self, run, topic):
        self.process = subprocess.Popen(
            ["kcat", "-b", os.environ["STEPCAST_TEST_KAFKA"], "-P", "-t", topic, "-K", "\t", "-X", "partitioner=murmur2_random",
             "-X", "queue.buffering.max.ms=5"], stdin=subprocess.PIPE, text=True)
        run.exits.callback(self.process.kill)

    def send(self, events):
        self.process.stdin.writelines(f"{event['taskId']}\t{json.dumps(event)}\n" for event in events)
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        check(self.process.wait(60) == 0, "kcat could not produce everything")


class Doubled:
    """Events of some tasks, each in order; one in ten is given again, at once or up to a second later."""

    def __init__(self, run, tasks):
        self.random, self.tasks = run.random, tasks
        self.steps, self.late, self.doubles = dict.fromkeys(tasks, 0), [], 0

    def batch(self, size):
        out = []
        for _ in range(size):
            task = self.random.choice(self.tasks)
            self.steps[task] += 1
            event = {"taskId": task, "userId": f"user-of-{task}", "eventId": f"{task}:{self.steps[task]}", "eventType": "PROGRESS",
                     "currentStep": self.steps[task], "totalSteps": 1000000, "stepName": f"step {self.steps[task]}"}
            out.append(event)
            if self.random.random() < 0.1:
                self.doubles += 1
                if self.random.random() < 0.5:
                    out.append(event)
                else:
                    self.late.append(event)
        if len(self.late) > 20:
            out, self.late = out + self.late, []
        return out

    def rest(self):
        out, self.late = self.late, []
        return out


def duplicates(run):
    server = run.start(*run.kafka())
    api, before, load = Api(server), usage(server), run.load(server)
    by_kafka = Doubled(run, [unique("kafka") for _ in range(20)])
    by_http = Doubled(run, [unique("http") for _ in range(5)])
    tasks = by_kafka.tasks + by_http.tasks
    watched = [by_kafka.tasks[0], by_http.tasks[0]]
    streams = [run.exits.enter_context(user_stream(server, f"user-of-{task}").settled()) for task in watched]
    producer = Producer(run, run.prefix + "progress-events")
    due = time.monotonic()
    for _ in range(run.of(80, 300)):
        producer.send(by_kafka.batch(50))
        check(api.post(by_http.batch(10))[0] == 202, "a post with duplicates is refused")
        due += 0.1
        time.sleep(max(0.0, due - time.monotonic()))  # the pace of the producer
    producer.send(by_kafka.rest())
    producer.end()
    check(api.post(by_http.rest() or by_http.batch(1))[0] == 202, "a post with duplicates is refused")
    for task in tasks:
        until(lambda task=task: api.status(task)[1].get("version") == {**by_kafka.steps, **by_http.steps}[task], f"all of {task}")
    for task, stream in zip(watched, streams):
        seen = [event["version"] for event in stream.wait("progress", {**by_kafka.steps, **by_http.steps}[task])]
        check(seen == list(range(1, len(seen) + 1)), f"the versions of {task} in its stream: {seen}")
        stream.close()
    doubles = by_kafka.doubles + by_http.doubles
    events = sum(by_kafka.steps.values()) + sum(by_http.steps.values())
    run.judge(load)
    run.add(events=events, doubles=doubles)
    until(lambda: api.metric("stepcast_events_deduplicated_total") >= doubles, "all duplicates are counted")
    run.check_returned(server, before, run.figures["acknowledged"] + events)
    rows = run.check_journal(server)
    check(sum(task in by_kafka.steps or task in by_http.steps for task, _, _ in rows) == events, f"one row for each of {events} events")

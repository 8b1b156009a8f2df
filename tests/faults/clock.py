"""The wall clock is stepped by an hour, forth and back, while the server runs."""
import datetime
import os
import time

from harness import Api, check, unique, until, usage
from streams import user_stream

HOUR_MS = 3_600_000
STALL_S = 4
HEARTBEAT_S = 1


class WallClock:
    """What the server takes for the wall clock: the machine's plus an offset."""

    def __init__(self, run):
        self.path = run.folder / "clock-offset"
        self.path.write_text("0\n")
        self.env = {"STEPCAST_CLOCK_OFFSET_FILE": str(self.path)}

    def step(self, milliseconds):
        fd = os.open(self.path, os.O_WRONLY)
        os.pwrite(fd, f"{milliseconds}\n".encode(), 0)
        os.close(fd)


def hours_ahead(api, user):
    """By how many hours the server's clock is ahead of ours, as a new event shows."""
    task = unique("clock")
    api.event(task, user, "STARTED")
    until(lambda: api.status(task)[0] == 200, "the event is folded")
    stamp = datetime.datetime.fromisoformat(api.status(task)[1]["startedAt"].replace("Z", "+00:00"))
    return round((stamp - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 3600)


class Moving:
    """A task that moves, whatever the clock says, and so never stalls."""

    def __init__(self, run, server):
        self.api, self.task, self.user, self.step = Api(server), unique("moving"), unique("user"), 0
        self.move()
        self.stream = run.exits.enter_context(user_stream(server, self.user).settled())

    def move(self):
        self.step += 1
        self.api.event(self.task, self.user, "PROGRESS", percentage=self.step % 100)

    def check(self, seconds):
        """For so long: heartbeats come as often as ever, and the task that moves is not said to have stalled."""
        comments, began = self.stream.comments, time.monotonic()
        while time.monotonic() < began + seconds:
            self.move()
            until(lambda: self.api.status(self.task)[1].get("version") == self.step, "the event is folded")
            check(not self.api.status(self.task)[1]["stalled"], "a task that moves is said to have stalled")
            time.sleep(0.2)  # the pace of the task
        told = [state for state in self.stream.of("recovery") if state["taskId"] == self.task and state["stalled"]]
        check(not told, f"the stream was told that a task which moves has stalled: {told}")
        return self.stream.comments - comments


def clock_steps(run):
    clock = WallClock(run)
    settings = (f"progress.stall_after={STALL_S}s", f"sse.heartbeat={HEARTBEAT_S}s")
    server = run.start(*settings, env=clock.env)
    api, user, before, load = Api(server), unique("user"), usage(server), run.load(server)
    moving = Moving(run, server)
    with user_stream(server, unique("quiet")).settled() as quiet:
        for hours in run.of((1, -1), (1, 0, -1, 0, 1, -1)):
            clock.step(hours * HOUR_MS)
            check(hours_ahead(api, user) == hours, "the server does not follow the stepped clock")
            silent, comments, began = unique("silent"), quiet.comments, time.monotonic()
            api.event(silent, user, "STARTED")
            moving.check(STALL_S - 1.5)
            check(not api.status(silent)[1]["stalled"], f"a task has stalled {time.monotonic() - began:.1f} s after its last event")
            until(lambda: api.status(silent)[1]["stalled"], "a task without events stalls", STALL_S + 5)
            took = time.monotonic() - began
            check(STALL_S - 0.5 <= took <= STALL_S + 3, f"it took {took:.1f} s to stall")
            beats = quiet.comments - comments
            check(took / HEARTBEAT_S / 2 - 1 <= beats <= took / HEARTBEAT_S * 2 + 1, f"{beats} heartbeats in {took:.1f} s")
            load.check_flows()
            run.until_ready(server)
            run.add(steps=1)
    moving.stream.close()
    run.judge(load)
    run.check_returned(server, before, run.figures["acknowledged"])
    # What was stored under a clock that ran ahead is there after a start under one that does not.
    rows = run.check_journal(server)
    clock.step(0)
    server = run.start(*settings, env=clock.env)
    check(len(Api(server).history(moving.task)) == moving.step, "the history of the task that moved")
    check(len(rows) >= run.figures["acknowledged"], "an acknowledged event is not in the journal")

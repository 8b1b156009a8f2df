"""The wall clock is stepped by an hour, forth and back, while the server runs."""
import datetime
import os
import time

from harness import Api, check, unique, until, usage
from streams import user_stream

HOUR_MS = 3_600_000
STALL_S = 4
HEARTBEAT_S = 1
LATE_S = 15  # what a busy machine may take; a clock that was believed takes an hour


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


class Followed:
    """A task whose user's stream is followed."""

    def __init__(self, run, server):
        self.api, self.task, self.user, self.step = Api(server), unique("clock"), unique("user"), 0
        self.stream = run.exits.enter_context(user_stream(server, self.user).settled())
        self.move()

    def move(self):
        self.step += 1
        self.posted = time.monotonic()
        self.api.event(self.task, self.user, "PROGRESS", percentage=self.step % 100)
        until(lambda: self.status().get("version") == self.step, "the event is folded")

    def status(self):
        return self.api.status(self.task)[1]

    def has_stalled(self):
        """As the state says, and as the stream was told since the last event."""
        told = [block for block in list(self.stream.blocks) if block.get("event") in ("progress", "recovery")]
        return self.status()["stalled"], bool(told) and '"stalled":true' in told[-1]["data"]

    def check_moves(self, seconds):
        """For so long it moves now and then, too often to stall."""
        until_then = time.monotonic() + seconds
        while time.monotonic() < until_then:
            time.sleep(STALL_S / 2)  # the pace of the task
            stalled = self.has_stalled()
            kept = time.monotonic() - self.posted >= STALL_S  # from moving in time, by a busy machine
            check(kept or stalled == (False, False), "a task that moves is said to have stalled")
            self.move()

    def check_stalls(self):
        """It does not move any more, and is said to have stalled when that is due."""
        until(lambda: self.has_stalled() == (True, True), f"a task without events stalls: {self.has_stalled()}", STALL_S + LATE_S)
        took = time.monotonic() - self.posted
        check(took >= STALL_S - 0.5, f"it took {took:.1f} s to stall")


def clock_steps(run):
    clock = WallClock(run)
    settings = (f"progress.stall_after={STALL_S}s", f"sse.heartbeat={HEARTBEAT_S}s")
    server = run.start(*settings, env=clock.env)
    api, user, before, load = Api(server), unique("user"), usage(server), run.load(server)
    moving, quiet = Followed(run, server), run.exits.enter_context(user_stream(server, unique("quiet")).settled())
    for hours in run.of((1, -1), (1, 0, -1, 0, 1, -1)):
        moving.move()
        silent, began, comments = Followed(run, server), time.monotonic(), quiet.comments
        clock.step(hours * HOUR_MS)
        moving.check_moves(STALL_S - 1)
        silent.check_stalls()
        silent.stream.close()
        check(hours_ahead(api, user) == hours, "the server does not follow the stepped clock")
        due = (time.monotonic() - began) / HEARTBEAT_S
        beats = quiet.comments - comments
        check(beats <= 2 * due + 1, f"{beats} heartbeats instead of {due:.0f}")
        until(lambda: quiet.comments - comments >= due / 2 - 1, f"the heartbeats of {due:.0f} s", LATE_S)
        # A task of the new hour stalls as one of the old hour does.
        again = Followed(run, server)
        again.check_stalls()
        again.stream.close()
        load.check_flows()
        run.until_ready(server)
        run.add(steps=1)
    moving.stream.close()
    quiet.close()
    run.judge(load)
    run.check_returned(server, before, run.figures["acknowledged"])
    # What was stored under a clock that ran ahead is there after a start under one that does not.
    rows = run.check_journal(server)
    clock.step(0)
    server = run.start(*settings, env=clock.env)
    check(len(Api(server).history(moving.task)) == moving.step, "the history of the task that moved")
    check(len(rows) >= run.figures["acknowledged"], "an acknowledged event is not in the journal")

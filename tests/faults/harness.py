"""What every fault needs: servers on ports that stay theirs, a broker to break, a load that judges, and looks at what is left."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "integration"))
from streams import Api, servers, unique, until  # noqa: E402

READY_LIMIT_S = 8  # a frozen broker is told after 2.5 s of silence; without that it would be after more than ten
BACK_LIMIT_S = 30
LOAD_LIMIT_S = 240
MIB = 1024 * 1024
# What a stored event may cost in all, and what allocator, caches and buffers may keep besides.
BYTES_PER_EVENT = 2048
KEPT_BYTES = 64 * MIB
KEPT_DESCRIPTORS = 8


class Skip(Exception):
    """The machine cannot carry this fault out; the text says why."""


def check(condition, text):
    if not condition:
        raise AssertionError(text() if callable(text) else text)


def readiness(server):
    """What /readyz answers, with its text; (0, …) if nobody answers."""
    try:
        return server.get("/readyz")
    except OSError as error:
        return 0, str(error)


def usage(server):
    """Resident bytes and open descriptors of a server."""
    pages = int(pathlib.Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(f"/proc/{server.pid}/fd"))


class Broker:
    """A Kafka of this run alone, so that it can be killed and frozen."""

    def __init__(self, folder):
        self.folder = folder
        self.address = self.act("start").split()[-1]

    def act(self, action):
        done = subprocess.run([sys.executable, str(FOLDER.parent / "integration/broker.py"), action, str(self.folder)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        check(done.returncode == 0, f"broker.py {action}: {done.stderr[-2000:]}")
        return done.stdout


class Load:
    """`stepcast prove` attached to a server: subscribers that come back, events that are repeated until they are answered, and the
    verdict over all of it. It goes on until `verdict` is asked for."""

    def __init__(self, server, seed, rate, subscribers):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [servers.STEPCAST, "prove", "--attach", server.url, "--json", "--rate", str(rate), "--subscribers", str(subscribers),
             "--seed", str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        try:
            until(lambda: "acknowledged" in self.said() or not self.flows(), "the load flows")
            self.check_flows()
        except AssertionError:
            self.end()
            raise

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def flows(self):
        return self.process.poll() is None

    def check_flows(self):
        check(self.flows(), f"the load ended by itself: {self.said()[-500:]} {self.process.stdout.read() if not self.flows() else ''}")

    def verdict(self):
        """Ends the load in order. Its figures, if they are clean."""
        self.check_flows()
        text = self.process.communicate(timeout=LOAD_LIMIT_S)[0]
        check(text, f"no verdict: {self.said()[-2000:]}")
        figures = json.loads(text)
        check(figures["clean"] and self.process.returncode == 0,
              "; ".join(figures["reasons"]) + f"; {figures.get('examples')} {figures}")
        return figures

    def end(self):
        if self.flows():
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            stream.close()


class Run:
    """One fault carried out once. Everything that it starts ends with it."""

    def __init__(self, seed, short):
        self.seed, self.short = seed, short
        self.random = random.Random(seed)
        self.figures = {}
        self.prefix = unique("fault") + "."
        self.exits = contextlib.ExitStack()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepcast-fault-"))
        self.exits.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.journal = self.folder / "journal"
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.exits.close()

    def of(self, short, full):
        return short if self.short else full

    def add(self, **figures):
        """Figures of the run's line; those of one name are added up."""
        for name, value in figures.items():
            self.figures[name] = self.figures.get(name, 0) + value

    def note_max(self, **figures):
        """Figures of which the highest counts; their names end with _max."""
        for name, value in figures.items():
            self.figures[name] = max(self.figures.get(name, 0), value)

    def broker(self):
        broker = Broker(self.folder / "broker")
        self.exits.callback(broker.act, "stop")
        return broker

    def kafka(self, address=None):
        """The settings of a server on the broker at `address`, or on the one that all share, with topics of this run's own."""
        return ("bus.kind=kafka", f"kafka.brokers={address or os.environ['STEPCAST_TEST_KAFKA']}", "kafka.partitions=3",
                f"kafka.topic_prefix={self.prefix}")

    def start(self, *settings, journal=None, port=None, env=None, wrapper=(), ready=True):
        """A server with a journal. `port`: the one of the server that it follows, or a free one."""
        server = servers.stepcast(f"store.path={journal or self.journal}", *settings, port=port, env=env, wrapper=wrapper)
        self.exits.callback(server.stop)
        if ready:
            self.until_ready(server)
        return server

    def until_ready(self, server, limit=BACK_LIMIT_S):
        until(lambda: readiness(server)[0] == 200 or server.process.poll() is not None, lambda: f"ready: {readiness(server)}", limit)
        check(server.process.poll() is None, f"the server ended: {server.output()[-2000:]}")

    def until_unready(self, server, part, limit=READY_LIMIT_S):
        """Readiness must tell the truth within `limit` seconds of the fault and name the part."""

        def tells():
            status, text = readiness(server)
            return status == 503 and f'"{part}"' in text

        until(tells, lambda: f"503 for {part}: {readiness(server)}", limit)

    def until_flowing(self, server, events=500):
        """So many events more are committed: whatever was wrong is over for the load, too."""
        committed = Api(server).metric("stepcast_events_committed_total") + events
        until(lambda: Api(server).metric("stepcast_events_committed_total") >= committed, f"{events} further events", BACK_LIMIT_S)

    def load(self, server, rate=500, subscribers=200):
        load = Load(server, self.seed, rate, subscribers)
        self.exits.callback(load.end)
        return load

    def judge(self, load):
        """The verdict of a load, told in the line."""
        figures = load.verdict()
        self.add(acknowledged=figures["acknowledged"], delivered=figures["delivered"], repeated=figures["repeated"])
        return figures

    def check_journal(self, server=None, journal=None):
        """Ends the server and looks into its journal: one row per event, each task's versions in order from 1."""
        if server is not None:
            check(server.stop() == 0, f"the server did not end in order: {server.output()[-2000:]}")
        path = journal or self.journal
        done = subprocess.run([servers.STEPCAST, "journal", "check", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check(done.returncode == 0, f"journal check: {done.stdout[-2000:]}")
        rows = read_journal(path)
        self.add(rows=len(rows))
        return rows

    def check_returned(self, server, before, events):
        """Memory and descriptors, once nobody is connected any more: what `events` stored events cost is theirs."""
        bound = before[0] + KEPT_BYTES + events * BYTES_PER_EVENT
        until(lambda: usage(server)[1] <= before[1] + KEPT_DESCRIPTORS,
              lambda: f"descriptors return to {before[1]}: {usage(server)[1]}", BACK_LIMIT_S)
        until(lambda: usage(server)[0] <= bound, lambda: f"memory returns to {bound} B: {usage(server)[0]} B, {before[0]} B before", BACK_LIMIT_S)
        self.note_max(rss_rise_mib_max=(usage(server)[0] - before[0]) / MIB)


def read_journal(path):
    """All progress of a journal in order of their positions, as (taskId, eventId, version). Each stands there once, and a task's versions
    are 1, 2, 3, …"""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        stored = journal.execute("SELECT events.version, data FROM events JOIN types ON events.type = types.number "
                                 "WHERE category = 'progress' ORDER BY position").fetchall()
    rows, versions, seen = [], {}, set()
    for version, data in stored:
        event = json.loads(data)
        task, event_id = event["taskId"], event["eventId"]
        check((task, event_id) not in seen, f"event {event_id} of {task} stands twice in the journal")
        seen.add((task, event_id))
        check(version == versions.get(task, 0) + 1, f"version {version} of {task} follows {versions.get(task, 0)}")
        versions[task] = version
        rows.append((task, event_id, version))
    return rows


def read_transactions(path):
    """The transactions of all deposits in a journal, in order of their positions."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        return [json.loads(data)["data"]["transactionId"] for data, in journal.execute(
            "SELECT data FROM events JOIN types ON events.type = types.number "
            "WHERE category = 'account' AND name = 'MONEY_DEPOSITED' ORDER BY position")]


__all__ = ["Api", "Broker", "FOLDER", "Load", "MIB", "Run", "Skip", "check", "read_journal", "read_transactions", "readiness", "servers", "unique", "until", "usage"]

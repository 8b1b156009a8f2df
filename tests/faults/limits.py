"""The machine gives less than is asked of it: a full disk, and a memory limit under more posts than it can hold."""
import contextlib
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

from harness import MIB, Api, Skip, check, read_transactions, servers, unique, until, usage
from outages import Deposits

DISK_BYTES = 24 * MIB
FILE_ROOM_BYTES = 64 * 1024
QUOTA_IMAGE_BYTES = 512 * MIB
QUOTA_ROOM_BYTES = MIB
QUOTA_POSTS = 1000
VOLUME_ID = 256  # of the first subvolume
FULL_LIMIT_S = 30
MEMORY_LIMIT = 256 * MIB
FLOOD_BYTES_PER_S = 20 * MIB
FLOODERS = 4
DETAIL_BYTES = 7 * 1024
EVENTS_PER_POST = 64
BALLAST_BYTES = 80 * MIB
BALLAST_S = 60
DEFAULTS_LIMIT = 512 * MIB
# Of one event each, posted so many at once: more than 512 MiB ever held, in the short run as in the long one.
SMALL_TASKS = 700_000
SMALL_TASKS_PER_POST = 800
SMALL_TASKS_S = 300
RSS_PER_BOUND = 1.25
DEFAULT_BOUND = DEFAULTS_LIMIT // 2
# So much younger is the load: on a busy machine its tasks wait for room for a while, and must not grow old meanwhile.
LOAD_AFTER_S = 35


def need_root(what):
    if os.geteuid() != 0:
        raise Skip(f"{what} needs root")


@contextlib.contextmanager
def small_disk(folder):
    need_root("a file system of its own")
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip(f"no tmpfs can be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a traceback may hold a file


def fill_up(path):
    """Takes all the room that is left."""
    with open(path, "wb", buffering=0) as filler:
        for size in (64 * 1024, 4096, 1):
            with contextlib.suppress(OSError):
                while filler.write(b"x" * size) == size:
                    pass


def reach_and_leave(run, server, load, reach, leave):
    """A limit is reached, as often as it is raised again: posts are refused meanwhile, and all goes on behind it."""
    for _ in range(run.of(2, 4)):
        load.check_flows()
        reach()
        run.until_unready(server, "store", FULL_LIMIT_S)
        check(Api(server).post({"taskId": unique("t"), "userId": "u", "eventType": "STARTED"})[0] == 503, "a post is not refused by 503")
        time.sleep(run.of(1, 5))  # the fault lasts
        run.until_unready(server, "store")
        leave()
        freed = time.monotonic()
        run.until_ready(server)
        run.note_max(ready_s_max=time.monotonic() - freed)
        run.until_flowing(server)
        run.add(times_full=1)


def judge_limit(run, server, before, load, journal=None):
    run.judge(load)
    run.check_returned(server, before, run.figures["acknowledged"])
    check(Api(server).metric("stepcast_store_expired_total") == 0, "something expired for the limit")
    check(len(run.check_journal(server, journal)) >= run.figures["acknowledged"], "an acknowledged event is not in the journal")


def disk_full(run):
    disk = run.exits.enter_context(small_disk(run.folder / "disk"))
    journal = disk / "journal"
    server = run.start(journal=journal)
    before, load = usage(server), run.load(server)

    def fill():
        run.until_flowing(server, run.random.randint(250, 1000))  # the moment is the fault
        fill_up(disk / "filler")

    deposits = Deposits(server, clients=8, accounts=1, shared=True)
    run.exits.callback(deposits.end)
    reach_and_leave(run, server, load, fill, (disk / "filler").unlink)
    deposits.end()
    judge_limit(run, server, before, load, journal)
    made = read_transactions(journal)
    check(len(made) == len(set(made)), "a deposit was made twice")
    check(len(made) >= deposits.count(), f"{deposits.count()} deposits were answered, {len(made)} stand in the journal")
    run.add(deposits=len(made))
    read_only(run, disk, journal)


def run_btrfs(*words):
    done = subprocess.run(["btrfs", *words], capture_output=True, text=True)
    check(done.returncode == 0, f"btrfs {' '.join(words)}: {done.stderr}")


@contextlib.contextmanager
def disk_with_quota(folder):
    """A subvolume whose quota can be set: of btrfs, because its quota needs neither accounts nor a kernel option of its own."""
    need_root("a file system of its own")
    if shutil.which("mkfs.btrfs") is None or shutil.which("btrfs") is None:
        raise Skip("a quota needs btrfs-progs")
    folder.mkdir()
    image = folder.with_suffix(".image")
    with open(image, "wb") as file:
        file.truncate(QUOTA_IMAGE_BYTES)
    subprocess.run(["mkfs.btrfs", "-q", "-f", str(image)], check=True, capture_output=True)
    done = subprocess.run(["mount", "-o", "loop", str(image), str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip(f"no btrfs can be mounted: {done.stderr.strip()}")
    try:
        run_btrfs("quota", "enable", str(folder))
        run_btrfs("subvolume", "create", str(folder / "volume"))
        yield folder / "volume"
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        image.unlink()


def post_until_refused(server):
    """One large event after the other. How many were taken, and whether the server is there to refuse the next."""
    api = Api(server)
    for taken in range(QUOTA_POSTS):
        try:
            status = api.post({"taskId": unique("t"), "userId": "u", "eventType": "STARTED", "detail": {"x": "x" * DETAIL_BYTES}})[0]
        except (OSError, http.client.HTTPException):
            return taken, False
        if status != 202:
            check(status == 503, f"a post is refused by {status}")
            return taken, True
    raise AssertionError("the quota refuses nothing")


def quota(run):
    """
    A quota is reached, and lifted again. On btrfs the system may end the server by SIGBUS: what SQLite maps of `-shm` is copied on write, which
    the quota refuses. Waiting or ended, nothing acknowledged is lost and nothing goes for it.
    """
    disk = run.exits.enter_context(disk_with_quota(run.folder / "quota"))

    def limit(size):
        # Asked of the file system's root: within its quota a volume cannot even raise it.
        run_btrfs("qgroup", "limit", str(size), f"0/{VOLUME_ID}", str(disk.parent))

    journal, acknowledged = disk / "journal", 0
    server = run.start(journal=journal)
    for _ in range(run.of(2, 4)):
        limit(sum(path.stat().st_size for path in disk.iterdir()) + QUOTA_ROOM_BYTES)
        taken, waits = post_until_refused(server)
        acknowledged += taken
        if waits:
            with contextlib.suppress(AssertionError):
                run.until_unready(server, "store")
            waits = server.process.poll() is None
        if not waits:
            check(server.wait() == -signal.SIGBUS, f"the server ended otherwise: {server.output()[-2000:]}")
        limit("none")
        if not waits:
            server = run.start(journal=journal, port=server.port)
        run.until_ready(server)
        run.add(times_full=1, waited=int(waits), ended_by_the_system=int(not waits))
        Api(server).event(unique("t"), "u", "STARTED")
        acknowledged += 1
        check(Api(server).metric("stepcast_store_expired_total") == 0, "something expired for the quota")
    run.add(acknowledged=acknowledged)
    check(len(run.check_journal(server, journal)) >= acknowledged, "an acknowledged event is not in the journal")


def read_only(run, disk, journal):
    """A start there is refused by that name."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    refused = subprocess.run([servers.STEPCAST, "serve", "--set", f"store.path={journal}", "--set", "server.port=0"], capture_output=True,
                             text=True, timeout=60, check=False)
    check(refused.returncode == 1 and "is on a read-only file system" in refused.stderr, f"no refusal of a read-only disk: {refused.stderr[-2000:]}")


def file_size_limit(run):
    """What `ulimit -f` does."""
    server = run.start()
    before, load = usage(server), run.load(server)

    def limit(size):
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def reach():
        limit(max(path.stat().st_size for path in run.folder.iterdir() if path.is_file()) + FILE_ROOM_BYTES)

    reach_and_leave(run, server, load, reach, lambda: limit(resource.RLIM_INFINITY))
    judge_limit(run, server, before, load)


class MemoryGroup:
    """A cgroup of version 1 or 2 with a memory limit, without swap."""

    def __init__(self, limit):
        need_root("a cgroup of its own")
        two = pathlib.Path("/sys/fs/cgroup/cgroup.controllers")
        is_two = two.exists() and "memory" in two.read_text().split()
        base = pathlib.Path("/sys/fs/cgroup") if is_two else pathlib.Path("/sys/fs/cgroup/memory")
        self.folder = base / unique("stepcast-fault")
        self.killed = self.folder / ("memory.events" if is_two else "memory.oom_control")
        try:
            if is_two:
                (base / "cgroup.subtree_control").write_text("+memory")
            self.folder.mkdir()
            (self.folder / ("memory.max" if is_two else "memory.limit_in_bytes")).write_text(str(limit))
        except OSError as error:
            with contextlib.suppress(OSError):
                self.folder.rmdir()
            raise Skip(f"no memory cgroup can be made: {error}") from error

    def wrapper(self):
        """A command that starts another one inside the group."""
        return ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh"]

    def kills(self):
        return sum(int(line.split()[1]) for line in self.killed.read_text().splitlines() if line.startswith("oom_kill "))

    def remove(self):
        until(lambda: not (self.folder / "cgroup.procs").read_text().split(), "the group is empty")
        self.folder.rmdir()


class Flood:
    """Posts tasks that never end, at a fixed pace, and notes those that were acknowledged."""

    def __init__(self, server, user, bytes_per_s):
        self.pace = FLOODERS / bytes_per_s
        self.server, self.acknowledged, self.answers, self.sent = server, [], {}, 0
        self.template = json.dumps([{"taskId": "TASK", "userId": user, "eventId": f"{n}", "eventType": "PROGRESS", "percentage": n,
                                     "detail": {"text": "x" * DETAIL_BYTES}} for n in range(EVENTS_PER_POST)]).encode()
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(FLOODERS)]
        for thread in self.threads:
            thread.start()

    def work(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        due = time.monotonic()
        while not self.stopping.is_set():
            task = unique("flood")
            body = self.template.replace(b"TASK", task.encode())
            try:
                connection.request("POST", "/api/v2/progress/events", body=body, headers={"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            with self.lock:
                self.answers[status] = self.answers.get(status, 0) + 1
                self.sent += len(body)
                if status == 202:
                    self.acknowledged.append(task)
            due = max(due + len(body) * self.pace, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))  # the pace of the flood

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def stalled_readers(run, server, count):
    """Streams of a user with hundreds of tasks, which connect and are never read."""
    for _ in range(count):
        reader = socket.socket()
        run.exits.callback(reader.close)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", server.port))
        reader.sendall(b"GET /api/v2/progress/subscribe?userId=flood HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")


def check_alive(server, group):
    check(server.process.poll() is None and group.kills() == 0,
          lambda: f"the server died with {server.process.poll()}, {group.kills()} killed for memory: {server.output()[-2000:]}")


def memory_limit(run):
    group = MemoryGroup(MEMORY_LIMIT)
    run.exits.callback(group.remove)
    server = run.start(f"store.running_ttl={BALLAST_S}s", "store.cleanup_interval=1s", wrapper=group.wrapper())
    api, before, began = Api(server), usage(server), time.monotonic()
    # No task of the flood ends, so only age makes room: most of it is older than all that the load does.
    ballast = Flood(server, "flood", 1000 * FLOOD_BYTES_PER_S)
    run.exits.callback(ballast.stop)
    until(lambda: ballast.sent > BALLAST_BYTES, "the ballast")
    ballast.stop()
    time.sleep(max(0.0, began + LOAD_AFTER_S - time.monotonic()))  # the age of the ballast
    load = run.load(server, subscribers=500)
    stalled_readers(run, server, 100)
    flood = Flood(server, "flood", FLOOD_BYTES_PER_S)
    run.exits.callback(flood.stop)
    until(lambda: flood.answers.get(503, 0) > 0 or server.process.poll() is not None, "the server sheds")
    check_alive(server, group)
    run.until_unready(server, "store")
    time.sleep(5)  # the flood goes on against the closed door
    flood.stop()
    check_alive(server, group)
    check(set(flood.answers) == {202, 503}, f"answers to the flood: {flood.answers}")
    missing = [task for task in flood.acknowledged if api.status(task)[1].get("version") != EVENTS_PER_POST]
    check(not missing, f"acknowledged tasks that are not whole: {missing}")
    run.add(posts_taken=flood.answers[202], posts_shed=flood.answers[503], flood_mib=flood.sent // MIB)
    run.note_max(rss_mib_max=usage(server)[0] / MIB)
    run.until_ready(server, BALLAST_S)
    run.until_flowing(server)
    run.judge(load)
    check_alive(server, group)
    until(lambda: api.metric("stepcast_store_bytes") < MIB * 32, "the flood is gone", 2 * BALLAST_S)
    run.check_returned(server, before, run.figures["acknowledged"])


def post_small_tasks(server, count):
    """Finished tasks of one event, each acknowledged: their ids in order, and how much of the rate of the first is left for the last."""
    api, tasks, began = Api(server), [], time.monotonic()
    deadline, times = began + SMALL_TASKS_S, []
    while len(tasks) < count:
        ids = [f"small-{len(tasks) + n}" for n in range(SMALL_TASKS_PER_POST)]
        status = api.post([{"taskId": task, "userId": f"user-{task}", "eventType": "COMPLETED"} for task in ids])[0]
        check(status in (202, 503), f"a post is answered by {status}")
        check(time.monotonic() < deadline, f"{len(tasks)} of {count} tasks came through in {SMALL_TASKS_S} s")
        if status == 202:
            tasks += ids
            times.append(time.monotonic())
    quarter = len(times) // 4
    return tasks, (times[quarter] - began) / (times[-1] - times[-1 - quarter])


def check_bounded(run, server, group, before):
    """What is resident beside the start is near the bound, and the group has killed nothing."""
    check_alive(server, group)
    grown = usage(server)[0] - before
    check(grown <= RSS_PER_BOUND * DEFAULT_BOUND, f"{grown // MIB} MiB are resident where {DEFAULT_BOUND // MIB} MiB are the bound")
    run.note_max(rss_per_bound_max=grown / DEFAULT_BOUND)


def small_tasks(run, *settings):
    """The bounds that hold unless someone sets others, in a machine of 512 MiB."""
    group = MemoryGroup(DEFAULTS_LIMIT)
    run.exits.callback(group.remove)
    server = run.start(*settings, wrapper=group.wrapper())
    before = usage(server)[0]
    tasks, rate = post_small_tasks(server, SMALL_TASKS)
    check_bounded(run, server, group, before)
    newest = tasks[-1000:]
    check(Api(server).metric("stepcast_store_expired_total") > 0, "the bound was never reached")
    missing = [task for task in newest if Api(server).status(task)[0] != 200]
    check(not missing, f"of the newest 1,000 finished tasks {len(missing)} are gone")
    run.add(tasks=len(tasks))
    run.note_max(rate_at_bound_per_below_max=rate)
    return server, group, before, newest


def small_tasks_in_memory(run):
    small_tasks(run, "store.path=")


def small_tasks_in_a_journal(run):
    server, group, before, newest = small_tasks(run)
    check(server.stop() == 0, f"the server did not end in order: {server.output()[-2000:]}")
    again = run.start(wrapper=group.wrapper())
    check_bounded(run, again, group, before)
    missing = [task for task in newest if Api(again).status(task)[0] != 200]
    check(not missing, f"of the newest 1,000 finished tasks a start has lost {len(missing)}")

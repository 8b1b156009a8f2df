"""The server is killed: at any moment, and between the journal's write and the answer."""
import http.client
import shutil
import subprocess
import time

from harness import FOLDER, Api, check, unique, until, usage
from streams import crash


def kill_at_random(run, *settings):
    server = run.start(*settings)
    before, load = usage(server), run.load(server)
    for _ in range(run.of(5, 20)):
        time.sleep(run.random.uniform(0.05, 1.5))  # the moment is the fault
        load.check_flows()
        crash(server)
        # Every other time the next kill meets it while it loads its journal.
        if run.random.random() < 0.5:
            server = run.start(*settings, port=server.port, ready=False)
            crash(server)
        killed = time.monotonic()
        server = run.start(*settings, port=server.port)
        run.note_max(ready_s_max=time.monotonic() - killed)
        run.add(kills=1)
    run.judge(load)
    run.check_returned(server, before, run.figures["acknowledged"])
    check(len(run.check_journal(server)) >= run.figures["acknowledged"], "an acknowledged event is not in the journal")


def kill_at_random_with_kafka(run):
    kill_at_random(run, *run.kafka())


def build_shim(run):
    shim = run.folder / "kill_after_sync.so"
    subprocess.run([shutil.which("clang-19") or "clang", "-shared", "-fPIC", "-O1", "-o", shim, FOLDER / "kill_after_sync.c"], check=True)
    return shim


def doomed(run, shim, syncs, *settings, **options):
    """A server that dies right after its journal's log was synced so many times."""
    return run.start(*settings, env={"LD_PRELOAD": str(shim), "STEPCAST_KILL_AFTER_SYNC": str(syncs)}, **options)


def post_until_it_dies(api, task):
    """Posts one event after the other; the number of the first that was not answered."""
    for number in range(1000):
        try:
            api.event(task, "shim", "PROGRESS", eventId=f"event-{number}", percentage=number % 100)
        except (OSError, http.client.HTTPException):
            return number
    raise AssertionError("the server did not die")


def kill_between_write_and_answer(run):
    """The event that was not answered stands there, and its repetition changes nothing; then the same under load."""
    shim = build_shim(run)
    for _ in range(run.of(3, 10)):
        task, syncs = unique("task"), run.random.randint(20, 60)
        server = doomed(run, shim, syncs)
        unanswered = post_until_it_dies(Api(server), task)
        server.wait()
        server = run.start(port=server.port)
        api = Api(server)
        expected = [f"event-{number}" for number in range(unanswered + 1)]
        check([event["eventId"] for event in api.history(task)] == expected, f"{expected} in the history of {task}: {api.history(task)}")
        api.event(task, "shim", "PROGRESS", eventId=expected[-1], percentage=unanswered % 100)
        check(len(api.history(task)) == len(expected), "the repetition of an unanswered event is stored again")
        check(server.stop() == 0, server.output())
        run.add(single_kills=1)
    kill_after_syncs(run, shim)


def kill_between_write_and_offset(run):
    """With Kafka the journal's write is what the offset follows; the answer has come from the broker before."""
    kill_after_syncs(run, build_shim(run), *run.kafka())


def kill_after_syncs(run, shim, *settings):
    """Under load every process of the server dies right after a write."""
    server = run.start(*settings)
    before, load = usage(server), run.load(server)
    for _ in range(run.of(5, 20)):
        crash(server)
        server = doomed(run, shim, run.random.randint(20, 200), *settings, port=server.port, ready=False)
        until(lambda process=server.process: process.poll() is not None, "the death of the server", 60)
        check(server.process.returncode == -9, f"it ended by itself: {server.output()[-2000:]}")
        load.check_flows()
        run.add(kills=1)
    server = run.start(*settings, port=server.port)
    run.judge(load)
    run.check_returned(server, before, run.figures["acknowledged"])
    check(len(run.check_journal(server)) >= run.figures["acknowledged"], "an acknowledged event is not in the journal")

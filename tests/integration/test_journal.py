"""What operators and flipped bits do to the files of a journal, beside its server and while it is down."""
import contextlib
import gzip
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

from streams import Api, crash, servers, unique, until, user_stream

WAL_FRAME_BYTES = 4096 + 24
JOURNALS = pathlib.Path(__file__).resolve().parent / "journals"


def tool(*arguments, limit=60):
    return subprocess.run([servers.STEPCAST, *arguments], capture_output=True, text=True, timeout=limit, check=False)


def serve_once(path):
    """What a server says that does not start."""
    return tool("serve", "--set", f"store.path={path}", "--set", "server.port=0", "--set", "log.format=text", limit=20)


def flip_bit(path, from_end):
    with open(path, "r+b") as file:
        file.seek(-from_end, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-from_end, os.SEEK_END)
        file.write(bytes([byte ^ 1]))


class Journal(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = f"{folder.name}/journal"

    def start(self, *settings):
        server = servers.stepcast(f"store.path={self.path}", *settings)
        self.addCleanup(server.stop)
        api = Api(server)
        until(lambda: api.get("/readyz")[0] == 200, lambda: f"ready: {server.output()}", 60)
        return server, api

    def put(self, api, user, count):
        for number in range(count):
            api.event("t", user, "PROGRESS", eventId=str(number), percentage=number)

    def test_a_journal_that_is_moved_or_replaced_takes_nothing_until_it_is_back(self):
        server, api = self.start()
        user = unique("user")
        self.put(api, user, 1)
        for suffix, replaced in (("", False), ("-wal", False), ("", True), ("-wal", True)):
            with self.subTest(suffix=suffix, replaced=replaced):
                name, aside = self.path + suffix, f"{self.path}.aside"
                os.rename(name, aside)
                if replaced:
                    shutil.copy(aside, name)
                until(lambda: api.get("/readyz")[0] == 503, "unready while nobody writes", 10)
                if not suffix and not replaced:  # it takes as long as the bus waits for the store
                    status, answer, headers = api.post({"taskId": "t", "userId": user, "eventType": "PROGRESS"})
                    self.assertEqual(status, 503, answer)
                    self.assertIn("Retry-After", headers)
                self.assertEqual(api.status("t")[0], 200)
                os.rename(aside, name)
                until(lambda: api.get("/readyz")[0] == 200, "ready again", 10)
                api.event(unique("t"), user, "STARTED")
        said = [line for line in server.output().splitlines() if "while it was open" in line]
        self.assertEqual(len(said), 4, server.output())
        stored = api.metric("stepcast_store_events")
        crash(server)
        server, api = self.start()
        self.assertEqual(api.metric("stepcast_store_events"), stored)

    @unittest.skipIf(os.geteuid() != 0, "a bind mount needs root")
    def test_one_journal_serves_one_process_under_every_name(self):
        _, api = self.start()
        self.put(api, unique("user"), 1)
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{self.path}-lock")
        other = f"{os.path.dirname(self.path)}/other"
        with open(other, "w"):
            pass
        if subprocess.run(["mount", "--bind", self.path, other], capture_output=True, check=False).returncode != 0:
            self.skipTest("no bind mount can be made")
        self.addCleanup(subprocess.run, ["umount", other], check=True)
        for name in (self.path, other):
            second = serve_once(name)
            self.assertEqual(second.returncode, 1, second.stdout)
            self.assertIn("in use by another Stepcast", second.stderr)

    def test_a_server_ends_with_the_reason_when_another_wrote_to_its_journal(self):
        server, api = self.start()
        user = unique("user")
        self.put(api, user, 1)
        with contextlib.closing(sqlite3.connect(self.path)) as other:
            other.execute("UPDATE meta SET value=value+1 WHERE name IN ('head', 'group', 'sum')")
            other.commit()
        with contextlib.suppress(OSError):
            self.assertNotEqual(api.post({"taskId": "t", "userId": user, "eventType": "PROGRESS"})[0], 202)
        self.assertEqual(until(lambda: server.process.poll(), lambda: f"the server ends: {server.output()}"), 1)
        self.assertIn("was written by another process", server.output())

    def test_a_log_that_lost_what_was_acknowledged_refuses_the_start_until_it_is_repaired(self):
        server, api = self.start()
        user = unique("user")
        self.put(api, user, 20)
        with user_stream(server, user).settled() as stream:
            cursor = stream.cursor()
        crash(server)
        flip_bit(f"{self.path}-wal", 6 * WAL_FRAME_BYTES)
        for _ in range(2):
            refused = serve_once(self.path)
            self.assertEqual(refused.returncode, 1, refused.stdout)
            self.assertRegex(refused.stderr, r"it ends at position \d+ \(group \d+\), its mark says 20 ")
            self.assertIn("journal repair", refused.stderr)
        self.assertEqual(tool("journal", "check", self.path).returncode, 1)
        repaired = tool("journal", "repair", self.path)
        self.assertEqual(repaired.returncode, 0)
        self.assertIn("its mark says 20 ", repaired.stdout)
        self.assertNotIn("nothing was lost", repaired.stdout)
        self.assertEqual(tool("journal", "check", self.path).returncode, 0)
        server, api = self.start()
        api.event("new", user, "STARTED")
        with user_stream(server, user, cursor).settled() as stream:
            self.assertEqual(stream.kinds()[0], "reset")

    def test_a_backup_over_an_old_log_is_named_and_restore_puts_it_in_place(self):
        server, api = self.start()
        user, backup = unique("user"), f"{self.path}.backup"
        self.put(api, user, 5)
        self.assertEqual(tool("journal", "backup", self.path, backup).returncode, 0)
        api.event("later", user, "STARTED")
        refused = tool("journal", "restore", backup, self.path)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("in use by another Stepcast", refused.stderr)
        crash(server)
        shutil.copy(backup, self.path)
        refused = serve_once(self.path)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn(f"{self.path}-wal is not the log of", refused.stderr)
        self.assertIn("journal restore", refused.stderr)
        restored = tool("journal", "restore", backup, self.path)
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.assertIn("the journal as it was is", restored.stdout)
        _, api = self.start()
        self.assertEqual([event["eventId"] for event in api.history("t")], [str(number) for number in range(5)])
        self.assertEqual(api.status("later")[0], 404)

    def test_an_export_that_nobody_reads_does_not_pin_the_log(self):
        _, api = self.start()
        user = unique("user")
        for start in range(0, 3000, 1000):
            events = [{"taskId": "t", "userId": user, "eventId": str(start + n), "eventType": "PROGRESS", "percentage": 1} for n in range(1000)]
            self.assertEqual(api.post(events)[0], 202)
        with subprocess.Popen([servers.STEPCAST, "export", self.path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as export:
            self.addCleanup(export.kill)

            def holds_it():
                folder = f"/proc/{export.pid}/fd"
                names = []
                for number in os.listdir(folder):
                    with contextlib.suppress(OSError):
                        names.append(os.readlink(f"{folder}/{number}"))
                return self.path in names

            # The first bytes are there, the pipe is full.
            self.assertTrue(export.stdout.read1(100))
            until(lambda: not holds_it(), "the journal is let go", 20)
            rest = export.stdout.read()
            self.assertIn(b'{"end":{"events":3000}}', rest)
        self.assertGreater(api.metric("stepcast_journal_log_bytes"), 0)

    def test_what_the_version_of_schema_3_left_is_taken_over_with_its_cursors(self):
        forever = ("store.ttl=3650d", "store.running_ttl=3650d")
        for name, suffixes in (("schema-3", ("",)), ("schema-3-killed", ("", "-wal"))):
            with self.subTest(name):
                self.path = f"{self.path}-{name}"
                for suffix in suffixes:
                    with gzip.open(JOURNALS / f"{name}{suffix}.gz") as packed, open(self.path + suffix, "wb") as file:
                        shutil.copyfileobj(packed, file)
                self.assertEqual(tool("journal", "check", self.path).returncode, 0)
                for _ in range(2):
                    server, api = self.start(*forever)
                    self.assertEqual(len(api.history("old")), 6)
                    with user_stream(server, "ann", "1g8mfyqy.6").settled() as stream:
                        self.assertNotIn("reset", stream.kinds())
                    api.event("running", "ann", "PROGRESS", eventId="next")
                    crash(server)
                self.assertEqual(tool("journal", "check", self.path).returncode, 0)

    def test_signals_that_mean_nothing_here_end_nothing_and_a_closing_terminal_drains(self):
        server, api = self.start("log.level=info")
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXFSZ, signal.SIGALRM):
            server.process.send_signal(number)
        until(lambda: "SIGUSR2 is ignored" in server.output(), "it is named")
        api.event("t", "u", "STARTED")
        server.process.send_signal(signal.SIGHUP)
        self.assertEqual(until(lambda: server.process.poll() is not None and [server.process.poll()], "it ends"), [0])
        self.assertIn("stopped", server.output())


if __name__ == "__main__":
    unittest.main()

"""`stepcast prove`: clean against its own server, and not clean against a server that forgets."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import servers

LIMIT_S = 120
FEW = ("--subscribers", "200", "--kills", "2", "--seconds", "15", "--seed", "7")
# A kill of a server without journal is an announced reset.
MEMORY = ("--memory",)


def prove(*arguments):
    """The exit code and the verdict of a run."""
    done = subprocess.run([servers.STEPCAST, "prove", "--json", *arguments], cwd=servers.ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=LIMIT_S)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def script(*arguments):
    return subprocess.run([servers.STEPCAST, "prove", "--script", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition, what, limit=30):
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(0.02)


class Prove(unittest.TestCase):
    def assert_all_done(self, verdict):
        self.assertEqual((verdict["kills"], verdict["terms"]), (2, 1), verdict)
        self.assertGreater(verdict["cuts"], 30, verdict)
        self.assertGreater(verdict["acknowledged"], 2000, verdict)
        self.assertGreater(verdict["delivered"], verdict["acknowledged"], verdict)

    def assert_clean(self, code, verdict):
        self.assertEqual(code, 0, verdict)
        self.assertTrue(verdict["clean"], verdict)
        self.assertEqual({name: verdict[name] for name in ("lost", "duplicate", "silent_gaps", "out_of_order", "corrupted")},
                         {"lost": 0, "duplicate": 0, "silent_gaps": 0, "out_of_order": 0, "corrupted": 0})
        self.assert_all_done(verdict)
        self.assertGreater(verdict["ready_ms_median"], 0)
        self.assertGreaterEqual(verdict["back_ms_max"], verdict["back_ms_median"])
        self.assertGreater(verdict["p99_ms"], verdict["p50_ms"])
        self.assertGreater(verdict["kib_per_stream"], 0)
        self.assertEqual(len(verdict["log_hash"]), 16)

    def test_a_server_with_a_journal_keeps_what_it_acknowledged(self):
        code, verdict = prove(*FEW)
        self.assert_clean(code, verdict)
        self.assertTrue(verdict["journal"] and verdict["store_was_read"], verdict)
        self.assertEqual(verdict["epoch_resets"], 0, "cursors hold over a kill")
        self.assertGreater(verdict["tasks_gone"] + verdict["put_off"], 0, "the journal was never full")

    def test_a_server_without_journal_announces_what_a_kill_took(self):
        code, verdict = prove(*FEW, *MEMORY)
        self.assert_clean(code, verdict)
        self.assertGreater(verdict["announced_resets"], 0)
        self.assertIn(f"hash {verdict['script_hash']}", script(*FEW, *MEMORY))

    def test_stalled_readers_are_thinned_and_the_server_has_counted_it(self):
        code, verdict = prove("--subscribers", "200", "--kills", "0", "--seconds", "25", "--seed", "3", *MEMORY)
        self.assertEqual(code, 0, verdict)
        self.assertGreater(verdict["stalls"], 0, verdict)
        self.assertGreater(verdict["thinned"], 0, "the stalled readers were not even slow")

    def test_a_server_that_forgets_without_a_word_is_found_out(self):
        code, verdict = prove(*FEW, "--target", "node")
        self.assertEqual(code, 1, verdict)
        self.assert_all_done(verdict)
        self.assertGreater(verdict["lost"], 0)
        self.assertGreater(verdict["silent_gaps"], 0)
        self.assertEqual(verdict["announced_resets"], 0)

    def test_a_hub_at_a_url_is_driven_by_its_templates(self):
        with servers.Node() as hub:
            url = f"http://127.0.0.1:{hub.port}"
            code, verdict = prove("--subscribers", "50", "--seconds", "8", "--target", url + "/subscribe?userId={user}",
                                  "--publish", url + "/publish?userId={user}")
            self.assertEqual(code, 0, verdict)
            self.assertEqual(verdict["kills"], 0)
            self.assertGreater(verdict["cuts"], 10)
            # Everything to one user: nobody gets what is theirs.
            code, verdict = prove("--subscribers", "50", "--seconds", "8", "--target", url + "/subscribe?userId={user}",
                                  "--publish", url + "/publish?userId=nobody")
            self.assertEqual(code, 1, verdict)
            self.assertIn("nothing was delivered, so nothing is proved", verdict["reasons"])

    def test_subscribers_that_are_refused_do_not_pass_in_silence(self):
        with servers.Node() as hub:
            url = f"http://127.0.0.1:{hub.port}"
            code, verdict = prove("--subscribers", "5", "--seconds", "8", "--target", url + "/nowhere?userId={user}",
                                  "--publish", url + "/publish?userId={user}")
        self.assertEqual(code, 1, verdict)
        self.assertEqual(verdict["streams_refused"], 5, verdict)

    def test_a_proof_of_the_bank_or_the_shop_needs_a_journal_of_its_own(self):
        for what in ("--bank", "--shop"):
            self.assertEqual(prove(what, *MEMORY)[0], 2)
        self.assertEqual(prove("--bank", "--shop")[0], 2)

    def test_one_seed_is_one_script(self):
        self.assertEqual(script("--seed", "5", *MEMORY), script("--seed", "5", *MEMORY))
        self.assertNotEqual(script("--seed", "5", *MEMORY), script("--seed", "6", *MEMORY))

    def test_bad_options_are_refused_with_a_line(self):
        for arguments, word in ((("--seconds", "4", "--kills", "50"), "need at least"), (("--target", "mercure"), "neither"),
                                (("--target", "http://127.0.0.1:1/x", "--publish", "http://127.0.0.1:1/"), "{user}"),
                                (("--hub", "/nowhere.mjs", "--target", "node"), "/nowhere.mjs"), (("--subscribers", "0"), "at least 1"),
                                (("--attach", "nowhere"), "attach"),
                                (("--attach", "http://127.0.0.1:1/", "--target", "node"), "only a Stepcast")):
            with self.subTest(arguments):
                code, text = prove(*arguments)
                self.assertEqual(code, 2, text)
                self.assertIn(word, text)

    def start(self, folder):
        return subprocess.Popen([servers.STEPCAST, "prove", "--subscribers", "20", "--seconds", "60", "--json", *MEMORY],
                                env={**os.environ, "TMPDIR": folder}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def test_an_interrupt_leaves_nothing_behind(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
            with self.subTest(number), tempfile.TemporaryDirectory() as folder, self.start(folder) as process:
                until(lambda: children(process.pid), "the server's start")
                server = int(children(process.pid)[0])
                until(lambda: "serve" in pathlib.Path(f"/proc/{server}/cmdline").read_text(), "the server's command")
                process.send_signal(number)
                output = process.communicate(timeout=LIMIT_S)[0]
                self.assertEqual(process.returncode, code)
                until(lambda: not is_alive(server), "the server's end")
                if number == signal.SIGINT:
                    self.assertIn("it was interrupted", json.loads(output)["reasons"])
                    self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()

"""The commands over https, against servers of their own."""
import json
import subprocess
import unittest

from certificates import Certificates
from streams import ENVIRONMENT, LIMIT_S, servers, unique

EVENT = ("--user", "ada", "--type", "STARTED")


def run(*arguments, text=None, **environment):
    return subprocess.run([servers.STEPCAST, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=LIMIT_S,
                          env={**ENVIRONMENT, **environment}, check=False)


def serve(certificates, *settings):
    server = servers.stepcast(*certificates.settings(), "server.threads=1", *settings)
    server.url = f"https://localhost:{server.port}"
    return server


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = cls.enterClassContext(Certificates())
        cls.server = cls.enterClassContext(serve(cls.certificates))
        cls.trusting = ("--server", cls.server.url, "--ca", cls.certificates.chain)

    def test_what_is_emitted_is_tailed_over_tls_whole_and_in_order(self):
        task, detail = unique("task"), {"text": "x" * 4000}
        events = [{"taskId": task, "userId": "ada", "eventType": "PROGRESS", "percentage": i % 101, "detail": detail} for i in range(500)]
        events.append({"taskId": task, "userId": "ada", "eventType": "COMPLETED"})
        done = run("emit", *self.trusting, text="\n".join(map(json.dumps, events)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(done.stdout.splitlines()), 501)
        def told(*cursor):
            done = run("tail", *self.trusting, "--task", task, *cursor)
            self.assertEqual(done.returncode, 0, done.stderr)
            return [json.loads(line) for line in done.stdout.splitlines()]
        recovery, live = told()
        self.assertEqual((recovery["event"], recovery["data"]["version"], live["event"]), ("recovery", 501, "live"))
        from_the_start = live["id"].rpartition(".")[0] + ".0"
        versions = [frame["data"]["version"] for frame in told("--cursor", from_the_start) if frame["event"] == "progress"]
        self.assertEqual(versions, list(range(1, 502)))

    def test_a_live_stream_comes_over_tls(self):
        task = unique("task")
        with subprocess.Popen([servers.STEPCAST, "tail", *map(str, self.trusting), "--task", task], env=ENVIRONMENT, stdout=subprocess.PIPE,
                              text=True) as tail:
            self.addCleanup(tail.kill)
            self.assertIn('"live"', tail.stdout.readline())
            for kind in ("STARTED", "COMPLETED"):
                self.assertEqual(run("emit", *self.trusting, "--user", "ada", "--task", task, "--type", kind).returncode, 0)
                self.assertIn(kind, tail.stdout.readline())
            self.assertEqual(tail.wait(LIMIT_S), 0)

    def test_authorities_of_the_machine_are_believed_without_more(self):
        done = run("emit", "--server", self.server.url, *EVENT, "--task", unique("task"), SSL_CERT_FILE=str(self.certificates.chain))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def refused(self, why, url, *options):
        """Both commands say why, at once: nothing of it passes by waiting."""
        for command in (("emit", *EVENT, "--task", "t"), ("tail", "--user", "ada")):
            done = run(*command, "--server", url, *options)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(why, done.stderr)

    def test_a_self_signed_certificate_is_not_believed_unless_named(self):
        self.refused("its certificate is self-signed, and not one that is trusted here", self.server.url)
        with Certificates() as other:
            self.refused("its certificate is self-signed, and not one that is trusted here", self.server.url, "--ca", other.chain)

    def test_a_certificate_for_another_name_is_refused(self):
        self.refused("its certificate is for another name", f"https://127.0.0.1:{self.server.port}", "--ca", self.certificates.chain)
        with Certificates("DNS:other.example,IP:127.0.0.1") as other, serve(other) as server:
            self.refused("its certificate is for another name", server.url, "--ca", other.chain)
            done = run("emit", *EVENT, "--task", "t", "--server", f"https://127.0.0.1:{server.port}", "--ca", other.chain)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_an_expired_certificate_is_refused(self):
        with Certificates(expired=True) as old, serve(old) as server:
            self.refused("its certificate has expired", server.url, "--ca", old.chain)

    def test_a_server_without_tls_behind_an_https_address_is_called_that(self):
        with servers.stepcast() as plain:
            self.refused("it does not speak TLS; its address may begin with http://", f"https://localhost:{plain.port}")

    def test_a_wrong_use_of_the_option_is_one_line(self):
        for url, file, why in ((self.server.url, "/no/such", "cannot read a certificate from /no/such"),
                               ("http://localhost", self.certificates.chain, "http://localhost is not https")):
            done = run("tail", "--user", "ada", "--server", url, "--ca", file)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done)
            self.assertIn(why, done.stderr)
        done = run("bench", "idle", "--server", self.server.url)
        self.assertEqual(done.returncode, 1)
        self.assertIn("https is not spoken here", done.stdout + done.stderr)
        for command in ("emit", "tail"):
            self.assertIn("--ca FILE", run(command, "--help").stdout)


if __name__ == "__main__":
    unittest.main()

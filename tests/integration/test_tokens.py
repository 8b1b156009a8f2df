"""`stepcast token new|inspect|keygen`, and how `emit` and `tail` send a token. Tokens of foreign issuers: tests/tokens."""
import http.server
import pathlib
import stat
import subprocess
import tempfile
import threading
import unittest

from streams import ENVIRONMENT, LIMIT_S, servers


class Asked(http.server.BaseHTTPRequestHandler):
    """Answers everything 401 and keeps the headers."""

    def do_GET(self):
        self.server.asked.append(self.headers)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Tokens(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_stepcast(self, *arguments, text="", **environment):
        return subprocess.run([servers.STEPCAST, *arguments], input=text, capture_output=True, text=True, timeout=LIMIT_S,
                              cwd=self.folder, env={**ENVIRONMENT, **environment}, check=False)

    def good(self, *arguments, **options):
        """The output of a command that succeeds."""
        done = self.run_stepcast(*arguments, **options)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def refused(self, *arguments, code=2, **options):
        """What a command that is refused says."""
        done = self.run_stepcast(*arguments, **options)
        self.assertEqual(done.returncode, code, done)
        return done.stdout + done.stderr

    def mode(self, name):
        return stat.S_IMODE((self.folder / name).stat().st_mode)

    def test_a_key_that_is_made_signs_a_token_that_is_accepted(self):
        for algorithm, secret, known in [("HS512", "HS512.secret", "HS512.secret"), ("RS256", "RS256.pem", "RS256.pub.pem"),
                                         ("ES256", "ES256.pem", "ES256.pub.pem"), ("EdDSA", "EdDSA.pem", "EdDSA.pub.pem")]:
            with self.subTest(algorithm):
                self.good("token", "keygen", algorithm, "--alg", algorithm)
                self.assertEqual(self.mode(secret), 0o600)
                token = self.good("token", "new", "--key", secret, "--sub", "ada", "--scope", "publish admin")
                said = self.good("token", "inspect", "--token-file", "-", "--set", f'auth.keys=["{known}"]', text=token)
                self.assertIn(f'"alg":"{algorithm}"', said)
                self.assertIn("accepted as ada, with publish and admin, until ", said)

    def test_a_token_that_is_refused_says_why(self):
        self.good("token", "keygen", "k", "--alg", "ES256")
        token = self.good("token", "new", "--key", "k.pem", "--sub", "ada", "--aud", "a", "--aud", "b", "--iss", "me",
                          "--claim", 'realm_access={"roles":["publish"]}', "--claim", "name=Ada").strip()
        keys = ("--set", 'auth.keys=["k.pub.pem"]')
        def why(*sets, **environment):
            return self.refused("token", "inspect", *keys, *sets, code=1, **environment).splitlines()[-1]
        self.assertEqual(why(STEPCAST_TOKEN=token), 'refused: the token is for "a", "b", which is not us')
        audience = ("--set", 'auth.audiences=["b"]')
        self.assertEqual(why(*audience, "--set", 'auth.issuers=["you"]', STEPCAST_TOKEN=token),
                         'refused: the token\'s issuer "me" is none of ours')
        self.assertIn("refused: the token expired at ", why(*audience, "--at", "2100-01-01T00:00:00Z", STEPCAST_TOKEN=token))
        self.assertIn("accepted as ada, with publish, until ",
                      self.good("token", "inspect", *keys, *audience, "--set", "auth.scope_claim=realm_access.roles", STEPCAST_TOKEN=token))
        self.good("token", "keygen", "other", "--alg", "ES256")
        self.assertIn("accepted as Ada, ", self.good("token", "inspect", *keys, *audience, "--set", "auth.subject_claim=name",
                                                     STEPCAST_TOKEN=token))
        self.assertEqual(self.refused("token", "inspect", *audience, "--set", 'auth.keys=["other.pub.pem"]', code=1,
                                      STEPCAST_TOKEN=token).splitlines()[-1], 'refused: none of our keys is called "k"')

    def test_a_publishers_key_is_shown_once_and_revoked_by_its_line(self):
        (self.folder / "publishers").write_text("# workers")
        key = self.good("token", "keygen", "--publish", "farm", "--file", "publishers").strip()
        self.good("token", "keygen", "--publish", "ops", "--scope", "publish admin", "--file", "publishers")
        text = (self.folder / "publishers").read_text()
        self.assertNotIn(key, text)
        self.assertEqual([line.split()[0] for line in text.splitlines()], ["#", "farm", "ops"])
        inspect = ("token", "inspect", "--set", "auth.publisher_keys=publishers")
        self.assertEqual(self.good(*inspect, STEPCAST_TOKEN=key), "accepted as farm, with publish, until its line is taken away\n")
        (self.folder / "publishers").write_text(text.splitlines()[2])
        self.assertEqual(self.refused(*inspect, code=1, STEPCAST_TOKEN=key), "refused: the publisher's key is none of ours\n")
        self.good("token", "keygen", "--publish", "farm", "--file", "fresh")
        self.assertEqual(self.mode("fresh"), 0o600)

    def test_wrong_uses_are_named(self):
        self.good("token", "keygen", "k")
        (self.folder / "two").write_text("a.b.c\nd.e.f\n")
        for arguments, said in [(("keygen", "k"), "k.pem: File exists"), (("keygen",), "NAME or --publish"),
                                (("keygen", "a", "--publish", "b"), "NAME or --publish"), (("keygen", "--publish", "b"), "--file"),
                                (("keygen", "n", "--alg", "none"), "EdDSA is expected"),
                                (("keygen", "--publish", "a b", "--file", "f"), "one printable word"),
                                (("keygen", "--publish", "a", "--scope", "root", "--file", "f"), 'not "root"'),
                                (("new", "--key", "k.pem", "--sub", "a", "--ttl", "soon"), "--ttl soon"),
                                (("new", "--key", "k.pem", "--sub", "a", "--claim", "x"), "NAME=JSON"),
                                (("new", "--key", "k.pem", "--sub", "a", "--alg", "RS256"), "the key signs EdDSA, not RS256"),
                                (("new", "--key", "k.pub.pem", "--sub", "a"), "public one"),
                                (("new", "--key", "missing.pem", "--sub", "a"), "missing.pem: No such file"),
                                (("inspect",), "there is no token"), (("inspect", "--token-file", "two"), "spaces"),
                                (("inspect", "--token-file", "missing"), "missing: No such file")]:
            with self.subTest(arguments):
                self.assertIn(said, self.refused("token", *arguments))

    def test_a_configured_key_that_cannot_be_used_is_named(self):
        (self.folder / "short.secret").write_text("short")
        said = self.refused("token", "inspect", "--set", 'auth.keys=["short.secret"]', code=1, STEPCAST_TOKEN="a.b.c")
        self.assertIn("short.secret: a secret must have at least 32 bytes, this one has 5", said)

    def test_emit_and_tail_send_the_token(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked)
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}"
        (self.folder / "token").write_text("from.a.file\n")
        self.refused("emit", "--server", url, "--user", "a", "--task", "b", "--type", "STARTED", "--token-file", "token", code=1)
        self.refused("tail", "--server", url, "--user", "a", code=1, STEPCAST_TOKEN="from.the.environment")
        self.refused("tail", "--server", url, "--user", "a", code=1)
        self.assertEqual([headers["Authorization"] for headers in server.asked],
                         ["Bearer from.a.file", "Bearer from.the.environment", None])
        self.assertIn("spaces", self.refused("tail", "--server", url, "--user", "a", STEPCAST_TOKEN="two words"))


if __name__ == "__main__":
    unittest.main()

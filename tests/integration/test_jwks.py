"""Keys of tokens that an issuer publishes over https (`auth.jwks_url`). Embedded bus, memory store."""
import base64
import contextlib
import http.server
import json
import pathlib
import ssl
import subprocess
import tempfile
import threading
import unittest

from certificates import Certificates
from streams import ENVIRONMENT, LIMIT_S, Api, servers, unique, until


class Issuer:
    """Publishes keys over https, and makes tokens that they sign."""

    def __init__(self, certificates, folder):
        self.folder, self.keys, self.asked, self.answer = folder, {}, 0, None
        issuer = self

        class Answers(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                status, body = issuer.answer or (200, json.dumps({"keys": list(issuer.keys.values())}))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.handle_error = lambda *_: None  # a client that does not believe us
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.chain, certificates.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_address[1]}/keys"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, name):
        subprocess.run([servers.STEPCAST, "token", "keygen", self.folder / name], check=True, capture_output=True, timeout=LIMIT_S)
        der = subprocess.run(["openssl", "pkey", "-pubin", "-in", self.folder / f"{name}.pub.pem", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        x = base64.urlsafe_b64encode(der[-32:]).rstrip(b"=").decode()
        self.keys[name] = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": name, "x": x}

    def token(self, name, user="ada"):
        done = subprocess.run([servers.STEPCAST, "token", "new", "--key", self.folder / f"{name}.pem", "--sub", user], check=True,
                              capture_output=True, text=True, timeout=LIMIT_S)
        return done.stdout.strip()


class Fetched(unittest.TestCase):
    def setUp(self):
        self.certificates = self.enterContext(Certificates())
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.issuer = Issuer(self.certificates, self.folder)
        self.addCleanup(self.issuer.stop)
        self.issuer.add("first")

    def settings(self, *more):
        return ["auth.mode=jwt", f"auth.jwks_url={self.issuer.url}", f"auth.jwks_ca={self.certificates.chain}", *more]

    def serve(self, *more):
        server = servers.stepcast(*self.settings(*more), "server.threads=1")
        self.addCleanup(server.stop)
        return server, Api(server)

    @staticmethod
    def ask(api, token, **headers):
        return api.call("GET", "/api/v2/progress/user/ada", headers={"Authorization": f"Bearer {token}", **headers})

    def test_keys_are_fetched_rotated_kept_while_the_issuer_is_away_and_taken_back(self):
        server, api = self.serve("auth.jwks_refresh=1s")
        first = self.issuer.token("first")
        until(lambda: self.ask(api, first)[0] == 200, "the first key")
        self.issuer.add("second")
        second = self.issuer.token("second")
        until(lambda: self.ask(api, second)[0] == 200, "the second key")
        self.issuer.answer = (500, "{}")
        until(lambda: "the keys from before stay" in server.output(), "a fetch that fails")
        self.assertEqual(self.ask(api, first)[0], 200)
        self.assertEqual(api.get("/readyz")[0], 200)
        with Stream(server, first) as gone, Stream(server, second) as other:
            del self.issuer.keys["first"]
            self.issuer.answer = None
            self.assertIn('event: bye\ndata: {"reason":"auth"}', gone.to_end())
            self.assertEqual(self.ask(api, first)[0], 401)
            self.assertEqual(self.ask(api, second)[0], 200)
            self.assertFalse(other.ended)

    def test_until_they_have_come_nobody_can_judge_and_the_node_is_not_ready(self):
        self.issuer.answer = (503, "{}")
        worker = subprocess.run([servers.STEPCAST, "token", "keygen", "--publish", "farm", "--file", self.folder / "publishers"], check=True,
                                capture_output=True, text=True, timeout=LIMIT_S).stdout.strip()
        server, api = self.serve(f"auth.publisher_keys={self.folder / 'publishers'}")
        token = self.issuer.token("first")
        status, problem, headers = self.ask(api, token)
        self.assertEqual((status, problem["code"], headers["Retry-After"]), (503, "keys-unavailable", "2"))
        self.assertEqual(self.ask(api, "nonsense")[0], 401)
        status, text, _ = self.ask(api, token, Accept="text/event-stream")
        self.assertEqual(status, 200)
        self.assertIn("retry: ", text)
        event = {"taskId": unique("task"), "userId": "ada", "eventType": "STARTED"}
        self.assertEqual(api.call("POST", "/api/v2/progress/events", event, {"Authorization": f"Bearer {worker}"})[0], 202)
        status, ready, _ = api.get("/readyz")
        self.assertEqual((status, ready["failing"]), (503, ["keys"]))
        self.issuer.answer = None
        until(lambda: api.get("/readyz")[0] == 200, "readiness")
        self.assertEqual(self.ask(api, token)[0], 200)
        self.assertIn("tokens cannot be judged yet", server.output())

    def test_a_storm_of_unknown_kids_makes_one_fetch_and_is_counted(self):
        port = servers.free_port()
        server, api = self.serve(f"server.admin_port={port}")
        known = self.issuer.token("first")
        until(lambda: self.ask(api, known)[0] == 200, "the first key")
        self.issuer.add("second")
        unknown, before = self.issuer.token("second"), self.issuer.asked
        del self.issuer.keys["second"]
        for _ in range(300):
            self.assertEqual(self.ask(api, unknown)[0], 401)
        self.assertLessEqual(self.issuer.asked, before + 1 + 1)  # at most one in 10 s, for which this may last
        server.port = port
        self.assertGreaterEqual(Api(server).series('stepcast_auth_failures_total{reason="unknown-key"}'), 300)

    def test_who_is_not_the_issuer_is_not_believed(self):
        with Certificates() as others:
            server, api = self.serve(f"auth.jwks_ca={others.chain}")
            until(lambda: "self-signed" in server.output(), "a complaint")
            self.assertEqual(self.issuer.asked, 0)
            self.assertEqual(self.ask(api, self.issuer.token("first"))[0], 503)

    def test_a_url_that_anybody_may_change_refuses_the_start(self):
        for url in ("http://id.example/keys", "id.example", "http://127.0.0.1.example/"):
            done = subprocess.run([servers.STEPCAST, "check-config", "--set", f"auth.jwks_url={url}"], capture_output=True, text=True,
                                  timeout=LIMIT_S, env=ENVIRONMENT, check=False)
            self.assertEqual(done.returncode, 2, url)
            self.assertIn("must be a URL that begins with https://", done.stderr)

    def test_inspect_judges_by_what_is_fetched(self):
        def inspect(token):
            done = subprocess.run([servers.STEPCAST, "token", "inspect", *(word for setting in self.settings() for word in ("--set", setting))],
                                  capture_output=True, text=True, timeout=LIMIT_S, env={**ENVIRONMENT, "STEPCAST_TOKEN": token}, check=False)
            return done.stdout
        token = self.issuer.token("first")
        self.assertIn("accepted as ada", inspect(token))
        self.issuer.answer = (500, "")
        self.assertIn("auth.jwks_url: localhost", inspect(token))


class Stream:
    """A stream of who has that token, read to its end by a thread."""

    def __init__(self, server, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_S)
        self.connection.request("GET", "/api/v2/progress/subscribe", headers={"Authorization": f"Bearer {token}"})
        self.answer, self.text, self.ended = self.connection.getresponse(), "", False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        until(lambda: "event: live" in self.text, "the stream's beginning")

    def read(self):
        for line in self.answer:
            self.text += line.decode()
        self.ended = True

    def to_end(self):
        until(lambda: self.ended, "the stream's end")
        return self.text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, AttributeError):  # it may have ended
            self.answer.fp.raw._sock.shutdown(2)
        self.connection.close()


if __name__ == "__main__":
    unittest.main()

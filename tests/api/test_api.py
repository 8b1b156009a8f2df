"""The interface as the server tells it, held by tools that others wrote: the document is valid, and what is called is answered as it says."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from streams import Api, servers, unique  # noqa: E402
from tokens import ISSUER, bearer  # noqa: E402

TOOLS = pathlib.Path(os.environ.get("STEPCAST_API_TOOLS", servers.ROOT / "build/api/bin"))


class Interface(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast(threads=1)
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def document(self):
        status, document, _ = self.api.get("/openapi.json")
        self.assertEqual(status, 200)
        return document

    def test_the_document_is_openapi_3_1(self):
        done = subprocess.run([TOOLS / "python", "-m", "openapi_spec_validator", "-"], input=json.dumps(self.document()), text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_operation_says_what_it_answers(self):
        for path, operations in self.document()["paths"].items():
            for method, operation in operations.items():
                with self.subTest(f"{method} {path}"):
                    answers = operation["responses"]
                    self.assertIn("2", {status[0] for status in answers})
                    for status, answer in answers.items():
                        if status >= "400":
                            self.assertIn("application/problem+json", answer["content"])
                    if "subscribe" in path:
                        self.assertEqual(list(answers["200"]["content"]), ["text/event-stream"])

    def complaint(self, seconds, token, *settings):
        """What schemathesis has to say when it calls every operation but the streams of a server of its own, by that token; None: nothing."""
        with servers.stepcast(*settings, threads=1) as server:
            for i in range(3):
                event = {"taskId": "known", "userId": "ada", "eventType": "PROGRESS", "percentage": i, "eventId": unique("e")}
                Api(server).call("POST", "/api/v2/progress/events", event, bearer(ISSUER.token("ada")))
            done = subprocess.run(
                [TOOLS / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run", f"{server.url}/openapi.json", "--no-color",
                 "--max-time", str(seconds), "--seed", "1", "--generation-deterministic", "--exclude-path-regex", "subscribe|tail",
                 "--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "filter_too_much", "--continue-on-failure",
                 "--max-examples", "50", *(["-H", f"Authorization: Bearer {token}"] if token else [])],
                cwd=servers.ROOT / "build", capture_output=True, text=True, timeout=seconds + 120, check=False)
        return done.stdout[-20000:] + done.stderr[-2000:] if done.returncode != 0 else None

    def test_what_is_called_is_answered_as_the_document_says_whoever_calls(self):
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:  # each keeps a core busy
            key = pathlib.Path(folder, "issuer.secret")
            key.write_bytes(ISSUER.secret)
            auth = ("auth.mode=jwt", f'auth.keys=["{key}"]')
            said = {"without auth": pool.submit(self.complaint, 40, None),
                    "with auth, nobody": pool.submit(self.complaint, 15, None, *auth),
                    "its owner, an admin": pool.submit(self.complaint, 15, ISSUER.token("ada", "admin"), *auth),
                    "another, who may publish": pool.submit(self.complaint, 15, ISSUER.token("bob", "publish"), *auth)}
            for caller, complaint in said.items():
                with self.subTest(caller):
                    self.assertIsNone(complaint.result())


if __name__ == "__main__":
    unittest.main()

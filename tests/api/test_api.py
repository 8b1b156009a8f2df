"""The interface as the server tells it, held by tools that others wrote: the document is valid, and what is called is answered as it says."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

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

    def call_everything(self, server, seconds, *options):
        """What schemathesis complains of when it calls every operation but the streams."""
        for i in range(3):
            event = {"taskId": "known", "userId": "ada", "eventType": "PROGRESS", "percentage": i, "eventId": unique("e")}
            Api(server).call("POST", "/api/v2/progress/events", event, bearer(ISSUER.token("ada")))
        done = subprocess.run(
            [TOOLS / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run", f"{server.url}/openapi.json", "--no-color",
             "--max-time", str(seconds), "--seed", "1", "--generation-deterministic", "--exclude-path-regex", "subscribe",
             "--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "filter_too_much", "--continue-on-failure",
             "--max-examples", "50", *options],
            cwd=servers.ROOT / "build", capture_output=True, text=True, timeout=seconds + 120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-20000:] + done.stderr[-2000:])

    def test_what_is_called_is_answered_as_the_document_says(self):
        self.call_everything(self.server, 40)

    def test_the_same_with_tokens_with_none_with_one_and_with_anothers(self):
        with tempfile.TemporaryDirectory() as folder:
            key = pathlib.Path(folder, "issuer.secret")
            key.write_bytes(ISSUER.secret)
            with servers.stepcast("auth.mode=jwt", f'auth.keys=["{key}"]', threads=1) as server:
                for token in ("", ISSUER.token("ada", "admin"), ISSUER.token("bob", "publish")):
                    with self.subTest(token or "none"):
                        self.call_everything(server, 15, *(["-H", f"Authorization: Bearer {token}"] if token else []))


if __name__ == "__main__":
    unittest.main()

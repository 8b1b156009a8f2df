"""What REDbot, which judges servers by the RFCs of HTTP, finds on the calls that are read most; and what every answer must carry."""
import json
import pathlib
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from streams import Api, servers  # noqa: E402
from test_api import TOOLS  # noqa: E402

READ = ("/", "/stepcast.js", "/page.css", "/icon.svg", "/openapi.json", "/asyncapi.json", "/healthz", "/readyz", "/metrics",
        "/api/v2/progress/status/known", "/api/v2/progress/status/known?version=1", "/api/v2/progress/history/known",
        "/api/v2/progress/history/known?limit=1", "/api/v2/progress/user/ada", "/api/v2/progress/monitor",
        "/api/sagas", "/api/sagas?status=STUCK", "/api/circuits", "/api/topics")
REFUSED = (("GET", "/nothing", 404), ("GET", "/api/v2/progress/status/unknown", 404), ("GET", "/api/v2/progress/status/known?version=0", 400),
           ("PUT", "/healthz", 405), ("GET", "/api/session", 404), ("OPTIONS", "/healthz", 204), ("POST", "/api/v2/progress/events", 400),
           ("DELETE", "/api/session", 204), ("GET", "/api/v2/progress/subscribe", 400))


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast(threads=1)
        cls.api = Api(cls.server)
        for kind in ("STARTED", "COMPLETED"):
            cls.api.event("known", "ada", kind)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def judged(self, target):
        """REDbot's notes of the level BAD."""
        done = subprocess.run([TOOLS / "redbot", "-o", "har", self.server.url + target], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        entries = json.loads(done.stdout)["log"]["entries"]
        self.assertTrue(entries, done.stdout)
        notes = [note for entry in entries for note in entry["_red_messages"]]
        self.assertTrue(notes, "it says at least what is good")
        return [note["summary"] for note in notes if note["level"] == "BAD"]

    def test_redbot_finds_no_error_on_what_is_read(self):
        with ThreadPoolExecutor(8) as pool:  # it mostly waits
            for target, bad in zip(READ, pool.map(self.judged, READ)):
                with self.subTest(target):
                    self.assertEqual(bad, [])

    def test_every_answer_says_whether_it_may_be_kept_and_that_its_type_is_no_guess(self):
        for method, target, wanted in (*(("GET", target, 200) for target in READ), *REFUSED):
            with self.subTest(f"{method} {target}"):
                status, _, headers = self.api.call(method, target)
                self.assertEqual(status, wanted)
                self.assertEqual(headers.get_all("X-Content-Type-Options"), ["nosniff"])
                self.assertEqual(len(headers.get_all("Cache-Control", [])), 1)


if __name__ == "__main__":
    unittest.main()

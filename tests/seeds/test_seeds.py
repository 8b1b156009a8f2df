"""The curl lines of the seed, verbatim but for host and port and the {taskId} that the seed leaves open.

STEPCAST_BIN names the server (default: build/release/stepcast). The seed's page is driven by tests/web/seed.test.mjs.
"""

import json
import pathlib
import subprocess
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from streams import Api, servers, until  # noqa: E402

PATIENCE_SECONDS = 20
STEPS = [("STARTED", "주문 접수", 0), ("PROGRESS", "주문 검증", 25), ("PROGRESS", "재고 확인", 50),
         ("PROGRESS", "결제 처리", 75), ("COMPLETED", "주문 완료", 100)]


class Seeds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast("orders.step_delay=50ms")
        cls.addClassCleanup(cls.server.stop)
        until(lambda: Api(cls.server).get("/readyz")[0] == 200, "a server that is ready")

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        assert code == 0, f"the server ended with {code}"

    def line(self, number, task=""):
        lines = [one for one in (HERE / "curl.txt").read_text(encoding="utf-8").splitlines() if one.startswith("curl ")]
        return lines[number].replace("localhost:8082", f"127.0.0.1:{self.server.port}").replace("{taskId}", task)

    def answer(self, number, task=""):
        done = subprocess.run(["bash", "-c", self.line(number, task)], capture_output=True, timeout=PATIENCE_SECONDS)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def test_the_curl_lines_subscribe_order_ask_and_list(self):
        # exec: the pid is curl's own, so that stopping it leaves nothing behind.
        watcher = subprocess.Popen(["bash", "-c", "exec " + self.line(0)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        # A stream that goes silent must fail the test, not hang it.
        watchdog = threading.Timer(PATIENCE_SECONDS, watcher.kill)
        watchdog.start()
        try:
            # The first comment leaves at once: from here on the stream is open.
            self.assertTrue(watcher.stdout.readline())
            task = self.answer(1)["taskId"]
            seen, event = [], None
            while len(seen) < len(STEPS):
                line = watcher.stdout.readline().decode()
                self.assertTrue(line, "the stream ended early")
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:") and event == "progress":
                    seen.append(json.loads(line[5:]))
        finally:
            watchdog.cancel()
            watcher.kill()
            watcher.wait()
            watcher.stdout.close()
        self.assertEqual([(e["eventType"], e["stepName"], e["percentage"]) for e in seen], STEPS)
        self.assertEqual({(e["taskId"], e["userId"], e["totalSteps"]) for e in seen}, {(task, "user123", 4)})
        self.assertEqual([e["currentStep"] for e in seen], [0, 1, 2, 3, 4])

        status = self.answer(2, task)
        self.assertEqual((status["taskId"], status["userId"], status["status"], status["percentage"], status["eventCount"]),
                         (task, "user123", "COMPLETED", 100, 5))
        for field in ("currentStep", "totalSteps", "stepName", "startedAt", "updatedAt"):
            self.assertIn(field, status)

        history = self.answer(3, task)
        self.assertEqual([(e["eventType"], e["stepName"], e["percentage"]) for e in history], STEPS)
        self.assertEqual([e["eventId"] for e in history], [e["eventId"] for e in seen])
        self.assertTrue(all(e["timestamp"].endswith("Z") for e in history))


if __name__ == "__main__":
    unittest.main()

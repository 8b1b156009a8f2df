"""`log.access`: a line for each answer, which holds nothing that a client wrote but the name that its token proved."""
import json
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from streams import ENVIRONMENT, LIMIT_S, servers, until


class AccessLog(unittest.TestCase):
    def lines(self, *settings):
        """What a server with these settings logs of two requests, one of them with a token, as it ends."""
        port = servers.free_port()
        with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryDirectory() as folder:
            server = subprocess.Popen([servers.STEPCAST, "serve", "--set", f"server.port={port}", "--set", "log.format=json",
                                       *[word for setting in settings for word in ("--set", setting)]],
                                      stderr=log, cwd=folder, env=ENVIRONMENT)
            try:
                def alive():
                    try:
                        return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=LIMIT_S).status == 200
                    except OSError:
                        return False
                until(alive, "the server")
                asked = urllib.request.Request(f"http://127.0.0.1:{port}/api/v2/progress/status/a-secret?access_token=a-secret",
                                               headers={"Authorization": "Bearer a-secret", "Cookie": "a=a-secret"})
                with self.assertRaises(urllib.error.HTTPError) as answer:
                    urllib.request.urlopen(asked, timeout=LIMIT_S)
                answer.exception.close()
            finally:
                server.terminate()
                server.wait(LIMIT_S)
            log.seek(0)
            text = log.read()
        self.assertNotIn("a-secret", text)
        return [message for line in text.splitlines() if (message := json.loads(line)["message"]).startswith("access ")]

    def test_each_answer_has_a_line_without_secrets(self):
        lines = self.lines("log.access=true")
        self.assertRegex(lines[0], r"^access address=127\.0\.0\.1 user=- method=GET route=/healthz status=200 ms=\d+\.\d{3}$")
        self.assertRegex(lines[-1], r" method=GET route=/api/v2/progress/status/\{taskId\} status=404 ms=")

    def test_by_default_there_are_none(self):
        self.assertEqual(self.lines(), [])


if __name__ == "__main__":
    unittest.main()

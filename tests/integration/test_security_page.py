"""The lines of docs/security.md as they are pasted, one after the other in an empty folder: only the port is another."""
import http.client
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest

from streams import ENVIRONMENT, LIMIT_S, servers, until

TEXT = (servers.ROOT / "docs/security.md").read_text(encoding="utf-8")


def blocks(heading):
    """The shell lines of a chapter, a list for each fence."""
    chapter = re.search(rf"^## {heading}\n(.*?)(?=^## )", TEXT, re.M | re.S).group(1)
    return [fence.splitlines() for fence in re.findall(r"^```sh\n(.*?)^```", chapter, re.M | re.S)]


class Pasted(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/stepcast").symlink_to(servers.STEPCAST)
        self.home = self.folder / "fresh"
        self.home.mkdir()
        self.port = servers.free_port()
        # In place of the port that every command takes by default.
        self.variables = {**ENVIRONMENT, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "STEPCAST_SERVER__PORT": str(self.port),
                          "STEPCAST_URL": f"http://localhost:{self.port}"}

    def start(self, lines, **more):
        """A shell that runs these lines; the last becomes the process itself, so that ending it ends that."""
        script = "\n".join([*lines[:-1], f"exec {lines[-1]}"]).replace("localhost:8082", f"localhost:{self.port}")
        return subprocess.Popen(["bash", "-c", script], cwd=self.home, env=self.variables, text=True, **more)

    def paste(self, lines):
        """What a shell prints for these lines."""
        return self.start(lines, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).communicate(timeout=LIMIT_S)[0]

    def paste_until(self, lines, wanted):
        """The same for lines of which the last goes on for ever: up to the line that holds `wanted`."""
        shown = ""
        with self.start(lines, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as shell:
            late = threading.Timer(LIMIT_S, shell.kill)
            late.start()
            for line in shell.stdout:
                shown += line
                if re.search(wanted, line):
                    break
            late.cancel()
            shell.terminate()
        return shown

    def serve(self, line):
        """The server of a pasted line, until the test is over."""
        with open(self.folder / "server.log", "wb") as log:
            process = self.start([line], stdout=log, stderr=log)
        self.addCleanup(process.wait, LIMIT_S)
        self.addCleanup(process.terminate)
        until(lambda: servers.answers(self.port), lambda: (self.folder / "server.log").read_text())

    def session(self, token):
        """What the page does with a token: the session that its cookie has."""
        def ask(method, **headers):
            connection = http.client.HTTPConnection("localhost", self.port, timeout=LIMIT_S)
            connection.request(method, "/api/session", headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            text = answer.read()
            connection.close()
            return answer, text
        begun, _ = ask("POST", Authorization=f"Bearer {token}", Origin=f"http://localhost:{self.port}")
        self.assertEqual(begun.status, 204)
        looked, text = ask("GET", Cookie=begun.getheader("Set-Cookie").partition(";")[0])
        self.assertEqual(looked.status, 200)
        return json.loads(text)

    def test_a_token_is_made_believed_and_refused_as_the_page_says(self):
        before, client = blocks("In two minutes")
        self.assertIn("stepcast serve", before[-1])
        self.paste(before[:-1])
        self.serve(before[-1])
        self.assertIn("stepcast tail", client[-1])
        shown = self.paste_until(client, '"eventType":"STARTED"')
        self.assertEqual(re.findall(r"^HTTP/1.1 (\d+)", shown, re.M), ["401", "200", "403"])
        self.assertIn('"taskId":"job-1"', shown.splitlines()[-1])
        self.assertEqual(self.session((self.home / "ada.token").read_text().strip())["userId"], "ada")

    def test_the_demonstration_gives_a_token_as_the_page_says(self):
        self.paste(blocks("In two minutes")[0][:-1])
        serve, ask = blocks("Browsers")
        self.serve(serve[0])
        shown = self.paste(ask)
        self.assertRegex(shown, r"(?m)^HTTP/1.1 200 ")
        self.assertEqual(self.session(re.search(r'"token":"([^"]+)"', shown).group(1))["userId"], "ada")


if __name__ == "__main__":
    unittest.main()

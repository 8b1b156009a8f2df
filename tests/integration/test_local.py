"""The server on a socket of this machine (`server.unix_socket`). Embedded bus, memory store."""
import os
import pathlib
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

from streams import LIMIT_S, Api, servers, unique, until


class Local(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "stepcast.sock"

    def serve(self, *settings):
        return servers.stepcast(f"server.unix_socket={self.path}", *settings)

    def curl(self, target="/healthz"):
        return subprocess.run(["curl", "-sS", "--max-time", "20", "--unix-socket", self.path, f"http://localhost{target}"],
                              capture_output=True, text=True, check=False)

    def refused(self):
        done = subprocess.run([servers.STEPCAST, "serve", "--set", "server.port=0", "--set", f"server.unix_socket={self.path}"],
                              capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(done.returncode, 1)
        return done.stdout + done.stderr

    def test_it_answers_and_streams_there_and_at_its_port(self):
        with self.serve() as server:
            self.assertEqual(self.curl().stdout, '{"status":"ok"}')
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)
            user = unique("user")
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(LIMIT_S)
                client.connect(str(self.path))
                client.sendall(f"GET /api/v2/progress/subscribe?userId={user} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                got = b""
                while b"event: live" not in got:
                    got += client.recv(65536)
                self.assertEqual(Api(server).post({"taskId": unique("task"), "userId": user, "eventType": "STARTED"})[0], 202)
                while b"STARTED" not in got:
                    got += client.recv(65536)
        self.assertFalse(self.path.exists(), "it goes with its server")

    def test_who_is_answered_there_is_not_replaced_and_what_was_left_behind_is(self):
        with self.serve() as server:
            self.assertIn("cannot listen at", self.refused())
            self.assertEqual(self.curl().stdout, '{"status":"ok"}')
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(LIMIT_S)
        self.assertTrue(self.path.exists())
        with self.serve():
            self.assertEqual(self.curl().stdout, '{"status":"ok"}')

    def test_a_server_that_still_stops_leaves_its_successor_the_socket(self):
        with self.serve("server.drain=1m") as first, socket.create_connection(("127.0.0.1", first.port), timeout=LIMIT_S) as client:
            client.sendall(b"POST /api/v2/progress/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            # What is only in the queue of the listening socket goes with it: the server has to have begun on the request.
            self.assertTrue(client.recv(64).startswith(b"HTTP/1.1 100 "))
            client.sendall(b"[")
            first.process.send_signal(signal.SIGTERM)
            until(lambda: not self.path.exists(), "that it lets go of its socket")
            with self.serve():
                client.sendall(b"]")
                self.assertEqual(first.process.wait(LIMIT_S), 0, first.output())
                self.assertEqual(self.curl().stdout, '{"status":"ok"}')

    def test_a_file_in_its_place_stays(self):
        self.path.write_text("precious")
        self.assertIn("cannot listen at", self.refused())
        self.assertEqual(self.path.read_text(), "precious")


if __name__ == "__main__":
    unittest.main()

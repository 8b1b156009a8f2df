"""The command line as a user meets it, against a server of its own: starts, settings, emit, tail, healthcheck, stop.

STEPCAST_BIN names the binary (default: build/release/stepcast).
"""
import json
import os
import pty
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from streams import LIMIT_S, Api, servers, until


def run(*arguments, text=None, **environment):
    """Runs a command to its end in an empty folder: no config.toml is found there."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([servers.STEPCAST, *arguments], input=text, capture_output=True, text=True, timeout=LIMIT_S, cwd=folder,
                              env={**os.environ, **environment}, check=False)


def wait_for_stream(server, kind):
    """The gauge says when a stream is there."""
    until(lambda: Api(server).series(f'stepcast_sessions{{kind="{kind}"}}') == 1, f"a stream of kind {kind}")


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast()
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_one_event_by_options_is_stored_as_given(self):
        done = run("emit", "--server", self.server.url, "--user", "ada", "--task", "cli-1", "--type", "PROGRESS", "--step", "1",
                   "--steps", "4", "--step-name", "노트북", "--detail", '{"a": [1]}', "--event-id", "e1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout), {"eventId": "e1", "taskId": "cli-1"})
        status = self.api.status("cli-1")[1]
        self.assertEqual((status["percentage"], status["stepName"], status["detail"]), (25, "노트북", {"a": [1]}))

    def test_events_from_a_pipe_are_stored_in_order(self):
        lines = [json.dumps({"taskId": "cli-2", "userId": "ada", "eventType": "PROGRESS", "percentage": i % 101}) for i in range(2500)]
        done = run("emit", "--server", self.server.url, text="\n\n".join(lines))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        ids = [json.loads(line)["eventId"] for line in done.stdout.splitlines()]
        self.assertEqual(len(set(ids)), 2500)
        history = self.api.history("cli-2")
        self.assertEqual([event["eventId"] for event in history], ids)

    def test_a_refused_event_names_its_line_and_field(self):
        good = '{"taskId":"cli-3","userId":"ada","eventType":"PROGRESS","percentage":5}'
        done = run("emit", "--server", self.server.url, text=f"{good}\n\n{good.replace('5', '500')}\n{good}\n")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^stepcast emit: line 3: percentage: must [^\[:]+\n$")
        self.assertEqual(done.stdout, "")
        done = run("emit", "--server", self.server.url, text=f"{good}\n{{nonsense\n")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^stepcast emit: line 2: ")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        done = run("emit", "--server", self.server.url, "--task", "cli-3", "--user", "ada", "--type", "PROGRESS", "--percentage", "101")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^stepcast emit: percentage: must [^\[:]+\n$")

    def test_tail_prints_a_line_of_json_per_frame_and_ends_with_the_task(self):
        events = [{"taskId": "cli-4", "userId": "ada", "eventType": kind, "percentage": percentage}
                  for kind, percentage in (("STARTED", 0), ("PROGRESS", 50), ("COMPLETED", 100))]
        with subprocess.Popen([servers.STEPCAST, "tail", "--server", self.server.url, "--task", "cli-4"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as tail:
            wait_for_stream(self.server, "task")
            emitted = run("emit", "--server", self.server.url, text="\n".join(map(json.dumps, events)))
            self.assertEqual(emitted.returncode, 0)
            rest, said = tail.communicate(timeout=LIMIT_S)
        self.assertEqual(said, "stepcast tail: task cli-4 has ended: COMPLETED\n")
        frames = [json.loads(line) for line in rest.splitlines()]
        self.assertEqual(tail.returncode, 0)
        self.assertEqual([frame["data"]["percentage"] for frame in frames if frame["event"] == "progress"], [0, 50, 100])

    def test_tail_of_a_failed_task_says_so_by_its_exit_code(self):
        event = '{"taskId":"cli-5","userId":"ada","eventType":"FAILED"}'
        self.assertEqual(run("emit", "--server", self.server.url, text=event).returncode, 0)
        done = run("tail", "--server", self.server.url, "--task", "cli-5")
        self.assertEqual((done.returncode, done.stderr), (1, "stepcast tail: task cli-5 has ended: FAILED\n"))

    def test_tail_draws_bars_on_a_terminal(self):
        run("emit", "--server", self.server.url, text='{"taskId":"cli-6","userId":"tty","eventType":"COMPLETED"}')
        outside, inside = pty.openpty()
        with subprocess.Popen([servers.STEPCAST, "tail", "--server", self.server.url, "--task", "cli-6"], stdout=inside) as tail:
            os.close(inside)
            drawn = b""
            while "█".encode() not in drawn:
                drawn += os.read(outside, 4096)
            tail.wait(LIMIT_S)
        os.close(outside)
        self.assertIn("cli-6", drawn.decode())

    def test_tail_of_a_refused_stream_fails_with_one_line(self):
        run("emit", "--server", self.server.url, text='{"taskId":"cli-7","userId":"ada","eventType":"STARTED"}')
        done = run("tail", "--server", self.server.url, "--task", "cli-7", "--user", "eve")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_metrics_are_read_by_prometheus_rules(self):
        text = self.api.get("/metrics")[1]
        for line in text.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+=\"[^\"]*\",?)*\})? \S+)$")
        names = set(re.findall(r"^# TYPE (\w+)", text, re.M))
        self.assertLessEqual({"stepcast_build_info", "stepcast_store_position", "stepcast_sessions", "stepcast_delivery_seconds",
                              "process_resident_memory_bytes"}, names)


class Starting(unittest.TestCase):
    def test_help_shows_examples_and_every_command(self):
        text = run("--help").stdout
        for command in ("serve", "check-config", "healthcheck", "emit", "tail", "bench", "Examples:"):
            self.assertIn(command, text)

    def test_each_command_has_help_of_its_own(self):
        for command, option in (("serve", "--config"), ("check-config", "--print"), ("healthcheck", "--set"), ("emit", "--step-name"),
                                ("tail", "--cursor"), ("bench", "--scenario")):
            done = run(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn(option.replace("--scenario", "scenario"), done.stdout)
            self.assertNotIn("Subcommands:", done.stdout)

    def test_an_unknown_command_is_named_with_the_nearest_known_one(self):
        done = run("emti")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr, "stepcast: unknown command emti; the nearest known command is emit (stepcast --help lists all)\n")

    def test_check_config_judges_what_librdkafka_would_and_hides_secrets(self):
        done = run("check-config", "--set", "kafka.properties.nonsense=1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("kafka.properties.nonsense", done.stderr)
        done = run("check-config", "--print", STEPCAST_KAFKA__PROPERTIES__SASL__PASSWORD="hush")
        self.assertEqual(done.returncode, 0)
        self.assertIn('"sasl.password" = "***"', done.stdout)
        self.assertNotIn("hush", done.stdout)

    def test_a_wrong_setting_refuses_the_start_with_its_place(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write("[server]\nprot = 1\n")
            file.flush()
            done = run("serve", "--config", file.name)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, f"{file.name}:2: unknown key server.prot; the nearest known key is server.port\n")
        done = run("serve", STEPCAST_SERVER__PROT="1")
        self.assertEqual(done.returncode, 2)

    def test_a_folder_in_the_place_of_a_file_is_one_clear_line(self):
        with tempfile.TemporaryDirectory() as folder:
            for arguments, environment in ((("--config", folder), {}), ((), {"STEPCAST_CONFIG": folder}),
                                           ((), {"STEPCAST_SERVER__PORT_FILE": folder})):
                done = run("check-config", *arguments, **environment)
                self.assertEqual(done.returncode, 2, done)
                self.assertRegex(done.stderr, r"^[^\n]*cannot be read: it is a folder\n$")

    def test_the_command_line_is_stronger_than_the_environment(self):
        with tempfile.TemporaryDirectory() as folder:
            files = [f"{folder}/{port}.toml" for port in (7001, 7002)]
            for file in files:
                with open(file, "w") as out:
                    out.write(f"[server]\nport = {file[-9:-5]}\n")
            port = lambda *arguments: re.search(r"^port = (\d+)", run("check-config", "--print", *arguments, STEPCAST_CONFIG=files[0]).stdout, re.M)[1]
            self.assertEqual((port(), port("--config", files[1])), ("7001", "7002"))
        with servers.stepcast() as server:
            event = ("--user", "ada", "--task", "t", "--type", "STARTED")
            self.assertEqual(run("emit", *event, STEPCAST_URL=server.url).returncode, 0)
            self.assertEqual(run("emit", "--server", "nonsense", *event, STEPCAST_URL=server.url).returncode, 2)
            self.assertEqual(run("emit", "--server", server.url, *event, STEPCAST_URL="nonsense").returncode, 0)

    def test_a_server_outlives_the_reader_of_its_log(self):
        port = servers.free_port()
        command = [servers.STEPCAST, "serve", "--set", f"server.port={port}", "--set", "log.level=info"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
            self.addCleanup(server.kill)
            until(lambda: servers.answers(port), "listening")
            server.stderr.close()
            server.send_signal(signal.SIGTERM)  # is told in the log
            self.assertEqual(server.wait(LIMIT_S), 0)

    def test_a_port_that_is_taken_is_one_clear_line(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            done = run("serve", "--set", f"server.port={taken.getsockname()[1]}",
                       "--set", "http.max_connections=100")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_healthcheck_fails_without_a_server(self):
        self.assertEqual(run("healthcheck", "--set", f"server.port={servers.free_port()}").returncode, 1)

    def test_the_log_is_json_when_nobody_sits_there(self):
        server = servers.stepcast("log.level=info")
        server.stop()
        lines = [json.loads(line) for line in server.output().splitlines()]
        self.assertGreater(len(lines), 0)
        for line in lines:
            self.assertLessEqual({"time", "level", "message"}, line.keys())


class Stopping(unittest.TestCase):
    def test_sigterm_ends_streams_and_exits_0(self):
        server = servers.stepcast()
        self.addCleanup(server.stop)
        with subprocess.Popen([servers.STEPCAST, "tail", "--server", server.url, "--user", "ada"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as tail:
            wait_for_stream(server, "user")
            self.assertEqual(server.stop(), 0)
            self.assertIn("connecting again", tail.stderr.readline())
            tail.kill()

    def test_a_second_signal_exits_at_once(self):
        server = servers.stepcast("server.drain=60s", "log.level=info")
        self.addCleanup(server.stop)
        # A request that never ends keeps the drain busy.
        with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as hanging:
            hanging.sendall(b"POST /api/v2/progress/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n")
            # A connection of which the server has read nothing is idle, and would be closed: it has to have begun on the request.
            self.assertTrue(hanging.recv(64).startswith(b"HTTP/1.1 100 "))
            hanging.sendall(b"{")
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            until(lambda: "stopping" in server.output(), "the drain")
            server.process.send_signal(signal.SIGINT)
            self.assertNotEqual(server.wait(), 0)
            self.assertLess(time.monotonic() - began, LIMIT_S)


if __name__ == "__main__":
    unittest.main()

"""What the bank is measured by: deposits beside PostgreSQL's inserts, states of the past, the projection folded anew."""
import datetime
import glob
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import servers

# Where both keep their files: on the disk, not in memory, and open to PostgreSQL's user.
FILES = "/var/tmp"
LIMIT_S = 120
TABLE = "CREATE TABLE deposits (id bigserial PRIMARY KEY, account int NOT NULL, amount int NOT NULL, at timestamptz NOT NULL DEFAULT now())"
INSERT = "\\set account random(1, 1000)\nINSERT INTO deposits (account, amount) VALUES (:account, 10);\n"


class Journal:
    """A folder for a journal; gives the settings of a server on it."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="stepcast-bench-", dir=FILES)
        return f"store.path={self.folder.name}/journal", "store.permanent_max_bytes=8GiB"

    def __exit__(self, *_):
        self.folder.cleanup()


class Postgres(servers.Server):
    """Debian's PostgreSQL as it is set up by default, fsync on, with one table. It refuses to be root."""

    def __init__(self, core=None):
        self.tools = pathlib.Path(max(glob.glob("/usr/lib/postgresql/*/bin"), default="/usr/lib/postgresql"))
        self.folder = tempfile.mkdtemp(prefix="stepcast-bench-postgres-", dir=FILES)
        self.data = pathlib.Path(self.folder, "data")
        self.as_user = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        subprocess.run([*self.as_user, self.tools / "initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync"], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.folder)
        port = servers.free_port()
        super().__init__([*self.as_user, self.tools / "postgres", "-D", self.data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c",
                          f"unix_socket_directories={self.folder}"], port, core)
        self.address = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
        deadline = time.monotonic() + servers.START_LIMIT_S
        while subprocess.run([self.tools / "pg_isready", "-q", *self.address], check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {self.output()[-2000:]}")
            time.sleep(0.05)
        subprocess.run([self.tools / "psql", "-q", *self.address, "-c", TABLE, "postgres"], check=True)

    def inserts_per_second(self, seconds, core, clients=64):
        """Transactions of one inserted row each, by pgbench."""
        script = pathlib.Path(self.folder, "insert.sql")
        script.write_text(INSERT)
        done = subprocess.run(["taskset", "-c", str(core), self.tools / "pgbench", *self.address, "-n", "-M", "prepared", "-c", str(clients), "-j", "1",
                               "-T", str(max(1, round(seconds))), "-f", script, "postgres"], check=True, capture_output=True, text=True)
        return float(re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)[1])

    def stop(self):
        code = super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


class Calls:
    """One kept-alive connection."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_S)

    def call(self, method, target, unknown=None):
        """The answer; `unknown` in the place of a 404, if it is given."""
        self.connection.request(method, target)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status == 404 and unknown is not None:
            return unknown
        if answer.status >= 300:
            raise RuntimeError(f"{method} {target}: {answer.status} {text[:500].decode()}")
        return json.loads(text)


def time_of(account, version):
    """A time of about this version."""
    began, ended = (datetime.datetime.fromisoformat(account[name].replace("Z", "+00:00")) for name in ("createdAt", "lastUpdated"))
    at = began + (ended - began) * version / account["version"]
    return f"at={at.strftime('%Y-%m-%dT%H:%M:%S')}.{at.microsecond // 1000:03}Z"


def past_ms(server, query, count=200, seed=1):
    """How long each of `count` questions about an account's past takes; `query` makes the parameter of one from a version."""
    calls = Calls(server)
    account = calls.call("GET", "/api/accounts?limit=1")[0]
    draw = random.Random(seed)
    took = []
    for _ in range(count):
        target = f"/api/accounts/{account['accountId']}?" + query(account, draw.randint(1, account["version"]))
        began = time.monotonic()
        calls.call("GET", target)
        took.append((time.monotonic() - began) * 1000)
    return statistics.median(took), max(took)


def rebuild_seconds(server):
    """From the call to the end of its task."""
    calls = Calls(server)
    began = time.monotonic()
    task = calls.call("POST", "/api/projections/bank/rebuild")["taskId"]
    while True:
        status = calls.call("GET", f"/api/v2/progress/status/{task}", {"status": "not told yet"})["status"]
        if status == "COMPLETED":
            return time.monotonic() - began
        if status == "FAILED" or time.monotonic() > began + LIMIT_S:
            raise RuntimeError(f"the rebuild is {status}")
        time.sleep(0.01)

"""Starts and stops the servers that the black-box tests and the bench drive, each as a child of this process."""
import http.client
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build/release"
STEPCAST = pathlib.Path(os.environ.get("STEPCAST_BIN", BUILD / "stepcast"))
START_LIMIT_S = 20
STOP_LIMIT_S = 30

NGINX = """
{user}
load_module {module};
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_buffer_size 64k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location ~ ^/pub/(.+)$ {{
            nchan_publisher;
            nchan_channel_id $1;
            nchan_message_buffer_length 10;
        }}
        location ~ ^/sub/(.+)$ {{
            nchan_subscriber eventsource;
            nchan_channel_id $1;
            nchan_subscriber_first_message newest;
        }}
    }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def deployed(name, *pairs):
    """A file of deploy/ with what has to differ here; each text must stand in it."""
    text = (ROOT / "deploy" / name).read_text()
    for before, after in pairs:
        assert before in text, f"deploy/{name} has no {before!r}"
        text = text.replace(before, str(after))
    return text


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Server:
    """A running server; a context manager that stops it by its pid."""

    subscribe = "/api/v2/progress/subscribe?userId={user}"
    publish = "/api/v2/progress/events"

    def __init__(self, command, port, core=None, env=None, wrapper=()):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        wrapper = ["taskset", "-c", str(core)] if core is not None else wrapper
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([*wrapper, *map(str, command)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env={**os.environ, **(env or {})})
        self.pid = self.process.pid  # a wrapper replaces itself by the command
        deadline = time.monotonic() + START_LIMIT_S
        while not answers(port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{command[0]} did not start, it ended with {self.process.returncode}:\n{self.output()[-2000:]}")
            time.sleep(0.02)

    def output(self):
        """What it has printed so far, also after its end."""
        if not self.log.closed:
            self.log.seek(0)
            self.text = self.log.read()
        return self.text

    def stop(self):
        """SIGTERM, and SIGKILL when it does not help. The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.text = self.output()
            self.log.close()

    def get(self, target):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def stepcast(*settings, core=None, threads=None, binary=STEPCAST, env=None, port=None, wrapper=()):
    port = port or free_port()
    given = [f"server.port={port}", "log.level=warn", *settings]
    if threads is not None:
        given.append(f"server.threads={threads}")
    return Server([binary, "serve", *[part for setting in given for part in ("--set", setting)]], port, core, env,
                  wrapper)


def floor(coalesce=False, core=None):
    port = free_port()
    return Server([BUILD / "tests/floor", port, *(["--coalesce"] if coalesce else [])], port, core)


class Nchan(Server):
    """Debian's nginx with its nchan module, in a folder of its own."""

    subscribe = "/sub/{user}"
    publish = "/pub/{user}"

    def __init__(self, core=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepcast-nchan-"))
        port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(user="user root;" if os.geteuid() == 0 else "", folder=self.folder, port=port,
                                       module="/usr/lib/nginx/modules/ngx_nchan_module.so", files=20000, connections=15000))
        super().__init__(["/usr/sbin/nginx", "-p", self.folder, "-c", config, "-e", self.folder / "error.log"], port, core)

    def stop(self):
        code = super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


class Node(Server):
    """The hub that people write themselves."""

    subscribe = "/subscribe?userId={user}"
    publish = "/publish?userId={user}"

    def __init__(self, core=None):
        port = free_port()
        super().__init__(["node", ROOT / "tests/load/node_hub.mjs", port], port, core)


def bench(server, scenario, core=None, **options):
    """Runs `stepcast bench` against a server. Its figures; a failure is in "error"."""
    command = [STEPCAST, "bench", scenario, "--server", server.url, "--pid", server.pid,
               "--subscribe", server.subscribe, "--publish", server.publish, "--json"]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), value]
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    done = subprocess.run([*pinned, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=900)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"error": f"the generator ended with {done.returncode}: {done.stderr[-2000:]}"}


def machine():
    """What the figures were measured on."""
    model = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)}


def build(*targets):
    """Builds what the yardsticks need; `./dev` has configured the tree."""
    done = subprocess.run(["cmake", "--build", str(BUILD), "--target", *targets], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode != 0:
        sys.exit(done.stdout[-4000:])

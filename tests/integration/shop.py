#!/usr/bin/env python3
"""The shop as four processes that share nothing but topics, behind HAProxy with deploy/haproxy-shop.cfg: for `./dev shop` and for tests.

    shop.py [--port N] [--keep FOLDER] [--kafka HOST:PORT] [--set KEY=VALUE]…

It says how far the start is, and then where the page is. SIGINT and SIGTERM end all of them in order; a second one ends them at once. It reads
lines: `kill NAME` ends a service as `kill -9` does, `start NAME` starts it again.
"""
import argparse
import contextlib
import http.client
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "load"))
import servers  # noqa: E402

SERVICES = ("product", "payment", "notification", "order")
# The ports of deploy/haproxy-shop.cfg.
DEPLOYED = {"order": 8083, "product": 8084, "payment": 8085, "notification": 8086}
START_LIMIT_S = 60
STOP_LIMIT_S = 30
BROKER = [sys.executable, str(pathlib.Path(__file__).resolve().parent / "broker.py")]


class Failure(Exception):
    """What somebody who starts the shop is told instead of a trace."""


def say(text):
    print(text, flush=True)


def proxy_config(ports, *pairs):
    """HAProxy's file of deploy/ for services at these ports. Without `pairs`, texts and what stands there instead, it is as it stands."""
    return servers.deployed("haproxy-shop.cfg", ("maxconn 25000", "maxconn 1000"),
                            ("/etc/haproxy/again.http", servers.ROOT / "deploy/again.http"),
                            *((f"127.0.0.1:{DEPLOYED[name]}", f"127.0.0.1:{port}") for name, port in ports.items()), *pairs)


def plain_proxy(port, ports):
    """Plain HTTP on this machine only. Its services may then take whoever asks for somebody on this machine, who may do everything."""
    return proxy_config(ports, ("bind :443 ssl crt /etc/haproxy/progress.example.pem alpn h2,http/1.1", f"bind 127.0.0.1:{port}"),
                        ("    http-request set-header X-Forwarded-For %[src]\n", ""), ("    http-request set-header X-Forwarded-Proto https\n", ""))


class Process:
    """One of them, in a session of its own, so that Ctrl-C reaches it by us only."""

    def __init__(self, name, command, log):
        self.name, self.command, self.log, self.process = name, [str(part) for part in command], log, None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, cwd=servers.ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)

    def ended(self):
        return self.process is None or self.process.poll() is not None

    def send(self, how):
        if not self.ended():
            self.process.send_signal(how)

    def why(self):
        code = self.process.returncode
        return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"

    def end_of_log(self):
        return pathlib.Path(self.log).read_text(errors="replace")[-2000:]


class Shop:
    """All of it, under one folder: the broker's data, a journal and a log for each service."""

    def __init__(self, folder, port, kafka, settings):
        self.folder, self.port, self.kafka, self.settings = folder, port, kafka, settings
        self.own_broker, self.signals, self.typed, self.told = kafka is None, 0, b"", set()
        self.services, self.proxy = {}, None

    def interrupt(self, *_):
        self.signals += 1

    def start(self):
        if servers.answers(self.port):
            raise Failure(f"port {self.port} is taken: --port N takes another one")
        if self.own_broker:
            say("broker …")
            started = subprocess.run([*BROKER, "start", self.folder / "broker"], stdout=subprocess.PIPE, text=True, check=False,
                                     start_new_session=True)
            if started.returncode != 0:
                raise Failure("the broker did not start")
            self.kafka = started.stdout.split()[-1]
        ports = {name: servers.free_port() for name in SERVICES}
        for name in SERVICES:
            self.services[name] = self.service(name, ports[name])
            self.services[name].port = ports[name]
        for name in ("product", "payment", "notification"):
            self.begin(name)
        self.await_ready("product")
        # An order service that begins behind the first product knows it as soon as it is ready.
        port = ports["product"]
        self.wait(self.services["product"], lambda: answer(port, "/api/products/1") and "\nstepcast_outbox_pending 0\n" in answer(port, "/metrics"),
                  "ready with its first product")
        self.begin("order")
        for name in SERVICES:
            self.await_ready(name)
        config = self.folder / "haproxy.cfg"
        config.write_text(plain_proxy(self.port, ports))
        self.proxy = Process("HAProxy", [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", config], self.folder / "haproxy.log")
        say("HAProxy …")
        self.proxy.start()
        self.wait(self.proxy, lambda: servers.answers(self.port), "there")

    def begin(self, name):
        say(f"{name} …")
        self.services[name].start()

    def await_ready(self, name):
        service = self.services[name]
        self.wait(service, lambda: answer(service.port, "/readyz"), "ready")

    def service(self, name, port):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        # Each other process would share the demonstration's orders with the one that shows them.
        own = () if name == "order" else ("orders.enabled=false",)
        settings = ("bus.kind=kafka", f"kafka.brokers={self.kafka}", f"store.path={folder}/journal", "shop.enabled=true",
                    f'shop.services=["{name}"]', f"otel.service_name={name}", f"server.port={port}", *own, *self.settings)
        return Process(name, [servers.STEPCAST, "serve", *[part for setting in settings for part in ("--set", setting)]], f"{folder}/log")

    def wait(self, process, done, what):
        deadline = time.monotonic() + START_LIMIT_S
        while not done():
            if self.signals:
                raise KeyboardInterrupt
            if process.ended():
                raise Failure(f"{process.name} {process.why()}:\n{process.end_of_log()}")
            if time.monotonic() > deadline:
                raise Failure(f"{process.name} is not {what} within {START_LIMIT_S} s:\n{process.end_of_log()}")
            time.sleep(0.05)

    def run(self):
        """Carries out lines until a signal comes."""
        reading = True
        while not self.signals:
            self.tell()
            if not reading:
                time.sleep(0.2)
            elif select.select([0], [], [], 0.2)[0]:
                reading = self.read()

    def tell(self):
        for process in (*self.services.values(), self.proxy):
            if process.ended() and process.name not in self.told:
                self.told.add(process.name)
                say(f"{process.name} {process.why()}" + (f"; \"start {process.name}\" starts it again" if process is not self.proxy else ""))

    def read(self):
        """False at the end of the input, and for who runs in the background of a terminal."""
        try:
            text = os.read(0, 4096)
        except OSError:
            return False
        *lines, self.typed = (self.typed + text).split(b"\n")
        for line in lines:
            self.carry_out(line.decode(errors="replace").split())
        return bool(text)

    def carry_out(self, words):
        if not words:
            return
        service = self.services.get(words[-1])
        if len(words) != 2 or service is None or words[0] not in ("kill", "start"):
            say(f"kill NAME, start NAME, with one of {', '.join(SERVICES)}; Ctrl-C ends all")
        elif words[0] == "kill":
            service.send(signal.SIGKILL)
        elif not service.ended():
            say(f"{service.name} runs")
        else:
            service.start()
            self.told.discard(service.name)
            with contextlib.suppress(KeyboardInterrupt):  # the loop looks at signals next
                self.await_ready(service.name)
                say(f"{service.name} is back")

    def stop(self):
        """The services, which tell their streams, then what carried them; 0 if all ended cleanly. A second signal kills."""
        running = [service for service in self.services.values() if not service.ended()]
        for service in running:
            service.send(signal.SIGTERM)
        self.await_end(running)
        failed = [service for service in running if service.process.returncode != 0]
        for service in failed:
            say(f"{service.name} {service.why()}:\n{service.end_of_log()}")
        if self.proxy:
            self.proxy.send(signal.SIGTERM)
            self.await_end([self.proxy])
        if self.own_broker:
            subprocess.run([*BROKER, "stop", self.folder / "broker"], check=False, start_new_session=True)
        return 1 if failed else 0

    def await_end(self, processes):
        deadline = time.monotonic() + STOP_LIMIT_S
        for process in processes:
            while not process.ended():
                if self.signals > 1 or time.monotonic() > deadline:
                    process.send(signal.SIGKILL)
                time.sleep(0.02)


def answer(port, target):
    """What a GET is answered with by 200; nothing if it is not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", target)
        given = connection.getresponse()
        return given.read().decode() if given.status == 200 else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8082, help="HAProxy's")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="journals, logs and the broker's data, kept for the next start")
    parser.add_argument("--kafka", metavar="HOST:PORT", help="a broker that runs, instead of one of its own")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of all four")
    arguments = parser.parse_args()
    folder = (arguments.keep or pathlib.Path(tempfile.mkdtemp(prefix="stepcast-shop-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    shop = Shop(folder, arguments.port, arguments.kafka, arguments.set)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, shop.interrupt)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    code = 1
    try:
        shop.start()
        say(f"The shop: http://localhost:{arguments.port}/shop (\"kill NAME\" and \"start NAME\" break and mend {', '.join(SERVICES)}; Ctrl-C ends all)")
        shop.run()
        code = 0
    except Failure as failure:
        print(f"shop: {failure}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    finally:
        code = shop.stop() or code
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())

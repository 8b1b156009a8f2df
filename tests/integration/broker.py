#!/usr/bin/env python3
"""A real Apache Kafka for tests and for `./dev kafka`: one broker on 127.0.0.1 with its data in a folder of its own.

    broker.py start DIR [--port N]   format, start, wait until it answers, print the address; writes DIR/pid and DIR/address
    broker.py stop DIR               end it in order
    broker.py kill DIR               end it at once, as a crash would
    broker.py restart DIR            start it again on the same port and data
    broker.py freeze|thaw DIR        stop and continue the process: connected, but silent

The jars come from Maven Central once, by mvn, into ${XDG_CACHE_HOME:-~/.cache}/stepcast.
"""
import argparse
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

VERSION = "4.1.0"
START_LIMIT_S = 60
STOP_LIMIT_S = 20

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>stepcast</groupId><artifactId>broker</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>%s</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
""" % VERSION

PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=3
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.message.timestamp.after.max.ms=9223372036854775807
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def libraries():
    """The folder of Kafka's jars, fetched if it is missing."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stepcast"
    jars = cache / f"kafka-{VERSION}"
    if jars.is_dir():
        return jars
    for command in ("mvn", "java"):
        if shutil.which(command) is None:
            sys.exit(f"broker: {command} is missing (Debian: maven, openjdk-17-jre-headless)")
    say(f"broker: fetching Apache Kafka {VERSION} (46 MB) from Maven Central into {jars}")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as work:
        pathlib.Path(work, "pom.xml").write_text(POM)
        subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={work}/jars"],
                       cwd=work, check=True, stdout=sys.stderr)
        try:
            os.rename(f"{work}/jars", jars)
        except OSError:
            if not jars.is_dir():  # another run may have been faster
                raise
    return jars


def java(*arguments):
    return ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-cp", f"{libraries()}/*", *arguments]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_pid(folder):
    try:
        return int((folder / "pid").read_text())
    except (FileNotFoundError, ValueError):
        return None


def state(pid):
    """The process's state letter, None once it is gone (a zombie is gone)."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    letter = stat.rpartition(")")[2].split()[0]
    return None if letter in "ZX" else letter


def is_broker(pid):
    try:
        return b"kafka.Kafka" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def request(port, api, version, body=b"", limit=1):
    """The body of the broker's answer to one request of Kafka's protocol."""
    client = b"probe"
    message = struct.pack(">hhih", api, version, 1, len(client)) + client + body
    with socket.create_connection(("127.0.0.1", port), timeout=limit) as s:
        s.settimeout(limit)
        s.sendall(struct.pack(">i", len(message)) + message)
        with s.makefile("rb") as stream:
            size, = struct.unpack(">i", stream.read(4))
            return stream.read(size)[4:]  # behind the correlation id


def answers(port):
    """True once the broker takes requests: it answers ApiVersions."""
    try:
        return bool(request(port, 18, 0))
    except (OSError, struct.error):
        return False


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def delete_topic(address, topic):
    """DeleteTopics, version 1; the controller has done it once this returns."""
    body = struct.pack(">i", 1) + text(topic) + struct.pack(">i", 10_000)
    answer = request(int(address.rpartition(":")[2]), 20, 1, body, 15)
    error, = struct.unpack(">h", answer[-2:])
    if error:
        raise RuntimeError(f"topic {topic} is not deleted: error {error}")


def create_topic(address, topic, partitions):
    """CreateTopics, version 2, without replicas."""
    body = struct.pack(">i", 1) + text(topic) + struct.pack(">ihiii?", partitions, 1, 0, 0, 10_000, False)
    answer = request(int(address.rpartition(":")[2]), 19, 2, body, 15)
    error, = struct.unpack_from(">h", answer, 4 + 4 + 2 + len(topic))  # behind throttle time, count and name
    if error:
        raise RuntimeError(f"topic {topic} is not made: error {error}")


def launch(folder):
    port = int((folder / "address").read_text().rpartition(":")[2])
    with open(folder / "broker.out", "ab") as out:
        process = subprocess.Popen(java("kafka.Kafka", str(folder / "server.properties")), cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    (folder / "pid").write_text(str(process.pid))
    deadline = time.monotonic() + START_LIMIT_S
    while not answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = (folder / "broker.out").read_text(errors="replace")[-2000:]
            if process.poll() is None:
                process.kill()
            sys.exit(f"broker: did not start\n{tail}")
        time.sleep(0.05)
    print(f"127.0.0.1:{port}", flush=True)


def start(folder, port):
    folder.mkdir(parents=True, exist_ok=True)
    pid = read_pid(folder)
    if pid and is_broker(pid):
        sys.exit(f"broker: already runs in {folder} (pid {pid})")
    port = port or free_port()
    properties = folder / "server.properties"
    properties.write_text(PROPERTIES.format(port=port, controller=free_port(), data=folder / "data"))
    if not (folder / "data").exists():
        cluster = subprocess.run(java("kafka.tools.StorageTool", "random-uuid"), check=True, capture_output=True,
                                 text=True).stdout.strip()
        made = subprocess.run(java("kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", str(properties)),
                              capture_output=True, text=True)
        if made.returncode:
            sys.exit(f"broker: format failed\n{made.stdout}{made.stderr}")
    (folder / "address").write_text(f"127.0.0.1:{port}")
    launch(folder)


def end(folder, how):
    pid = read_pid(folder)
    if pid is None or not is_broker(pid):
        (folder / "pid").unlink(missing_ok=True)
        return
    os.kill(pid, how)
    os.kill(pid, signal.SIGCONT)  # a frozen one must wake to end in order
    deadline = time.monotonic() + STOP_LIMIT_S
    while state(pid) is not None:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    (folder / "pid").unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["start", "stop", "kill", "restart", "freeze", "thaw"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if arguments.action == "start":
        start(folder, arguments.port)
    elif arguments.action == "restart":
        end(folder, signal.SIGTERM)
        launch(folder)
    elif arguments.action in ("stop", "kill"):
        end(folder, signal.SIGTERM if arguments.action == "stop" else signal.SIGKILL)
    else:
        pid = read_pid(folder)
        if pid is None or not is_broker(pid):
            sys.exit(f"broker: none runs in {folder}")
        os.kill(pid, signal.SIGSTOP if arguments.action == "freeze" else signal.SIGCONT)


if __name__ == "__main__":
    main()

"""Topics as somebody else's client reads and writes them. STEPCAST_TEST_KAFKA names the broker."""
import json
import os
import subprocess

BROKER = os.environ.get("STEPCAST_TEST_KAFKA", "")
LIMIT_S = 60


def records(topic):
    """All that stands on a topic now, as kcat's JSON."""
    done = subprocess.run(["kcat", "-b", BROKER, "-C", "-t", topic, "-o", "beginning", "-e", "-J", "-q"], capture_output=True, check=True, timeout=LIMIT_S)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def produce(topic, pairs):
    """Puts (key, value) pairs, texts without tabs and line ends, where Stepcast would."""
    lines = "".join(f"{key}\t{value}\n" for key, value in pairs)
    subprocess.run(["kcat", "-b", BROKER, "-P", "-t", topic, "-K", "\t", "-X", "partitioner=murmur2_random"], input=lines, text=True, check=True, timeout=LIMIT_S)

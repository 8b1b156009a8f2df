"""`stepcast prove --bank`: transfers, deposits and withdrawals while the server dies at any moment and at each named place."""
import json
import os
import subprocess

from harness import check, servers

LIMIT_S = 280


def prove(run, *arguments):
    """The figures of a proof that is clean."""
    done = subprocess.run([servers.STEPCAST, "prove", "--json", "--seed", str(run.seed), *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S)
    check(done.stdout, done.stderr[-2000:])
    figures = json.loads(done.stdout)
    check(done.returncode == 0 and figures["clean"], f"{figures} {done.stderr[-500:]}")
    return figures


def prove_bank(run, *arguments):
    figures = prove(run, "--bank", "--kills", str(run.of(5, 20)), "--rate", "300", *arguments)
    check(min(figures["calls"], figures["completed"], figures["repeats"]) > 0, f"nothing is proved: {figures}")
    check(figures["completed"] + figures["refunded"] == figures["transfers"], figures)
    run.add(**{name: figures[name] for name in ("kills", "calls", "transfers", "repeats")})
    return figures


def bank_dies(run):
    prove_bank(run)


def bank_dies_with_kafka(run):
    """What a kill had sent again stands on the topic with the same id and the same bytes, so whoever goes by ids sees each event once, and
    those of an account or a transfer in their order, without a gap."""
    broker = os.environ["STEPCAST_TEST_KAFKA"]
    figures = prove_bank(run, "--kafka", broker, "--set", "kafka.partitions=3")
    done = subprocess.run(["kcat", "-b", broker, "-C", "-t", figures["topicPrefix"] + "event-stream-accounts", "-o", "beginning", "-e", "-J", "-q"],
                          stdout=subprocess.PIPE, check=True, timeout=120)
    seen = {}
    for record in map(json.loads, done.stdout.decode().splitlines()):
        event = json.loads(record["payload"])
        first = seen.setdefault((record["key"], event["eventId"]), record["payload"])
        check(first == record["payload"], f"{event['eventId']} stands there with another content: {first} {record['payload']}")
        run.add(records=1)
    versions = {}
    for (key, _), payload in seen.items():
        event = json.loads(payload)
        versions[key] = versions.get(key, 0) + 1
        check(event["metadata"]["version"] == versions[key], f"{key}: {payload} comes as number {versions[key]}")
    check(sum(key.startswith("transfer-") for key in versions) == figures["transfers"], "a transfer was never told")
    run.add(told=len(seen))

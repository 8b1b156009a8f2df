"""Records that nobody can handle, and topics that go away under their reader."""
import json
import os
import subprocess

import broker
from harness import Api, check, unique, until, usage
from streams import user_stream

KEY_END, RECORD_END = "\x1d", "\x1e"


def produce(topic, records):
    """Puts (key, value) pairs of any bytes into a topic as they are; a value of None is a tombstone."""
    kcat = ["kcat", "-b", os.environ["STEPCAST_TEST_KAFKA"], "-P", "-t", topic, "-K", KEY_END, "-D", RECORD_END,
            "-X", "partitioner=murmur2_random"]
    for key, value in records:
        subprocess.run([*kcat, *(["-Z"] if value is None else [])], check=True, timeout=60,
                       input=key + KEY_END.encode() + (value or b"") + RECORD_END.encode())


def headers_of_letters(topic):
    """The headers of every letter so far, and its value's size."""
    done = subprocess.run(["kcat", "-b", os.environ["STEPCAST_TEST_KAFKA"], "-C", "-t", topic, "-o", "beginning", "-e", "-J", "-q"],
                          stdout=subprocess.PIPE, check=True, timeout=60)
    letters = [json.loads(line) for line in done.stdout.decode(errors="replace").splitlines()]
    return [dict(zip(letter["headers"][::2], letter["headers"][1::2])) for letter in letters]


def event(task, user, **fields):
    return json.dumps({"taskId": task, "userId": user, "eventType": "PROGRESS", **fields}).encode()


def nasty_records(run):
    """What is put into the topic, by the class of error of its letter."""
    task, user = unique("nasty"), unique("user")
    filler = "x" * (900 * 1024)
    return [
        ("invalid-field", b"large", event(task, user, detail={"text": filler})),
        ("malformed", b"large", filler.encode()),
        ("tombstone", b"tombstone", None),
        ("malformed", b"deep", b"[" * 100_000 + b"]" * 100_000),
        ("malformed", b"deep", b'{"a":' * 100_000),
        ("malformed", b"utf8", b"\xff\xfe\xfd"),
        ("malformed", b"utf8", event(task, user, stepName="?").replace(b"?", b"\xc3\x28")),
        ("malformed", b"a\r\nb\0c", b"no json"),
        ("tombstone", b"\0", None),
        ("invalid-field", b"a\r\nb\0c", event("a\r\nb\0c", user)),
        ("invalid-field", b"\r", event(task, "user\r\n")),
        ("invalid-field", b"\n", event(task, user, eventId="a\nb")),
    ]


def nasty(run):
    server = run.start(*run.kafka())
    before, load = usage(server), run.load(server)
    topic, user, task = run.prefix + "progress-events", unique("user"), unique("good")
    expected = []
    with user_stream(server, user).settled() as stream:
        for turn in range(run.of(1, 3)):
            records = nasty_records(run)
            run.random.shuffle(records)
            for error_class, key, value in records:
                produce(topic, [(key, value)])
                expected.append(error_class)
                # A record like any other goes on, also with a key that nobody would choose.
                produce(topic, [(key, event(task, user, eventId=unique("good"), percentage=len(expected)))])
        seen = [found["percentage"] for found in stream.wait("progress", len(expected))]
        check(sorted(seen) == list(range(1, len(expected) + 1)), f"the good records between them: {seen}")
    letters = until(lambda: len(found := headers_of_letters(topic + ".dlq")) >= len(expected) and found, "every letter")
    check(sorted(letter["dlq.error.class"] for letter in letters) == sorted(expected),
          f"{sorted(expected)} among the letters {[letter['dlq.error.class'] for letter in letters]}")
    places = {(letter["dlq.partition"], letter["dlq.offset"]) for letter in letters}
    check(len(places) == len(expected), "each record has its own letter")
    # A broker that other faults hold up may be silent for a moment, and readiness says so.
    run.until_ready(server)
    run.add(records=len(expected), letters=len(letters))
    run.judge(load)
    run.check_returned(server, before, run.figures["acknowledged"] + len(expected))
    run.check_journal(server)


def make_again(run):
    """Deletes the topic of the events and makes it again, empty."""
    address, topic = os.environ["STEPCAST_TEST_KAFKA"], run.prefix + "progress-events"
    broker.delete_topic(address, topic)
    broker.create_topic(address, topic, 3)


def topic_made_again(run):
    server = run.start(*run.kafka())
    before = usage(server)
    for turn in range(run.of(2, 6)):
        api = Api(server)
        # Everything of this life of the topic is consumed, so that all of it is lost with the topic but nothing with Stepcast.
        load = run.load(server)
        run.until_flowing(server)  # far more events than the topic's next life begins with
        run.judge(load)
        is_running = turn % 2 == 0
        if not is_running:
            check(server.stop() == 0, server.output()[-2000:])
        make_again(run)
        user, tasks = unique("user"), [unique("task") for _ in range(8)]
        produce(run.prefix + "progress-events", [(task.encode(), event(task, user, percentage=7)) for task in tasks])
        if not is_running:
            server = run.start(*run.kafka(), port=server.port)
            api = Api(server)
        for task in tasks:
            until(lambda task=task: api.status(task)[1].get("percentage") == 7, f"{task} is read from the topic made again", 60)
        run.until_ready(server)
        run.add(topics=1)
    run.check_returned(server, before, run.figures["acknowledged"])
    rows = run.check_journal(server)
    check(len(rows) >= run.figures["acknowledged"], "an acknowledged event is not in the journal")

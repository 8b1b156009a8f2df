"""What the black-box suites share: JSON calls, and an SSE client that keeps everything it was sent."""
import http.client
import json
import os
import pathlib
import sys
import threading
import time
import urllib.parse
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "load"))
import servers  # noqa: E402

LIMIT_S = 30
# Without what is meant for the tests: settings of ours would change those of a command.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("STEPCAST_")}


def unique(word):
    return f"{word}-{uuid.uuid4().hex[:8]}"


def until(condition, what, limit=LIMIT_S):
    """Waits until condition() is true and returns its value. `what` is a text, or makes one once it is too late."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {what() if callable(what) else what}")
        time.sleep(0.02)


class Api:
    """The calls of one server."""

    def __init__(self, server):
        self.port = server.port

    def call(self, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            given = dict(headers or {})
            if body is not None:
                given.setdefault("Content-Type", "application/json")
                body = json.dumps(body, ensure_ascii=False).encode()
            connection.request(method, target, body=body, headers=given)
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = "json" in (answer.getheader("Content-Type") or "")
            return answer.status, json.loads(text) if is_json and text else text, answer.headers
        finally:
            connection.close()

    def get(self, target, **headers):
        return self.call("GET", target, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def status(self, task, query=""):
        return self.get(f"/api/v2/progress/status/{urllib.parse.quote(task)}{query}")

    def history(self, task):
        return self.get(f"/api/v2/progress/history/{urllib.parse.quote(task)}")[1]

    def post(self, events):
        return self.call("POST", "/api/v2/progress/events", events)

    def event(self, task, user, kind, **fields):
        """Posts one event that must be taken."""
        status, answer, _ = self.post({"taskId": task, "userId": user, "eventType": kind, **fields})
        assert status == 202, (status, answer)
        return answer

    def series(self, series):
        """The value of one series, named with its labels as in /metrics."""
        values = [line.rsplit(" ", 1)[1] for line in self.get("/metrics")[1].splitlines() if line.rsplit(" ", 1)[0] == series]
        assert len(values) == 1, f"{series} stands {len(values)} times in /metrics"
        return float(values[0])

    def metric(self, name):
        text = self.get("/metrics")[1]
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)


def order(api, user, quantity=1):
    """Orders something that must be taken; its task."""
    query = urllib.parse.urlencode({"userId": user, "productName": "노트북", "quantity": quantity})
    status, answer, _ = api.call("POST", f"/api/v2/progress/orders?{query}")
    assert status == 202, (status, answer)
    return answer["taskId"]


def crash(server):
    """Ends a server as kill -9 does."""
    server.process.kill()
    server.wait()


class Stream:
    """One SSE connection, read by a thread until it ends. Blocks are dicts of their fields; comments are counted."""

    def __init__(self, server, target, cursor=None, headers=None):
        self.blocks, self.comments, self.ended = [], 0, False
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_S)
        self.connection.request("GET", target, headers={"Accept": "text/event-stream", **({} if cursor is None else {"Last-Event-ID": cursor}),
                                                       **(headers or {})})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        block = {}
        try:
            for line in self.answer:
                line = line.decode().rstrip("\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    block[name] = value
                elif block:
                    self.blocks.append(block)
                    block = {}
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass  # cut, by the server or by close()
        self.ended = True

    def of(self, kind):
        return [json.loads(block["data"]) for block in list(self.blocks) if block.get("event") == kind]

    def kinds(self):
        """Order of what came: event names."""
        return [block["event"] for block in list(self.blocks) if "event" in block]

    def cursor(self):
        ids = [block["id"] for block in list(self.blocks) if "id" in block]
        return ids[-1] if ids else None

    def settled(self):
        """Waits for the end of the catch-up."""
        until(lambda: "live" in self.kinds(), "the end of the catch-up")
        return self

    def wait(self, kind, count):
        until(lambda: len(self.of(kind)) >= count, f"{count} × {kind}, has {self.kinds()}")
        return self.of(kind)

    def wait_end(self):
        until(lambda: self.ended, f"the stream's end, has {self.kinds()}")
        return self

    def close(self):
        try:
            self.answer.fp.raw._sock.shutdown(2)
        except (OSError, AttributeError):
            pass
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def user_stream(server, user, cursor=None):
    return Stream(server, f"/api/v2/progress/subscribe?userId={urllib.parse.quote(user)}", cursor)


def task_stream(server, task, user=None, cursor=None):
    query = f"?userId={urllib.parse.quote(user)}" if user else ""
    return Stream(server, f"/api/v2/progress/subscribe/{urllib.parse.quote(task)}{query}", cursor)

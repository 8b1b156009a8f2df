"""A payment provider behind HTTP, which is one of Python's own servers."""
import collections
import http.server
import json
import threading
import time

SLOW_S = 0.3


class Provider(http.server.ThreadingHTTPServer):
    """Takes each charge once by its key, and none that was given back; answers `status` while that is set. By method: NO_MONEY is refused,
    LOST_REPLY is taken and at first not answered, SILENT never answered, SLOW after a while."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.status = 0
        self.calls = collections.Counter()  # by path and Idempotency-Key
        self.taken = {}  # by key
        self.asked = {}  # by key, what it was charged for first
        self.given_back = set()  # keys
        self.faults = []  # what no provider should be asked
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def close(self):
        self.shutdown()
        self.server_close()

    def work(self, path, idempotency_key, asked):
        if asked.get("paymentMethod") == "SLOW":
            time.sleep(SLOW_S)  # the provider's pace
        with self.lock:
            self.calls[path, idempotency_key] += 1
            if self.status:
                return self.status
            return self.refund(asked["key"]) if path == "/v1/refunds" else self.charge(asked, self.calls[path, idempotency_key] == 1)

    def refund(self, key):
        self.given_back.add(key)
        self.taken.pop(key, None)
        return 200

    def charge(self, asked, first):
        key, method = asked["key"], asked["paymentMethod"]
        if self.asked.setdefault(key, asked) != asked:
            self.faults.append(f"{key} is charged for another thing: {self.asked[key]} {asked}")
        if method == "SILENT":
            return 503
        if method == "NO_MONEY" or key in self.given_back:
            return 402
        self.taken[key] = asked["amount"]
        return 503 if method == "LOST_REPLY" and first else 200


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.send_response(self.server.work(self.path, self.headers["Idempotency-Key"], asked))
            self.send_header("Content-Length", "0")
            self.end_headers()
        except ConnectionError:
            pass  # whoever asked is gone

    def log_message(self, *args):
        pass

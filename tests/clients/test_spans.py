"""Spans as a collector gets them, each call read by OpenTelemetry's own schema (PyPI: opentelemetry-proto)."""
import contextlib
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from streams import Api, servers, unique, until  # noqa: E402
from versions import PYTHON  # noqa: E402

# In OTLP's JSON ids are hexadecimal, where protocol buffers have base64; all else is theirs. An unknown member is an error.
READ = """
import base64, json, sys
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
for body in json.load(sys.stdin):
    call = json.loads(body)
    for resource in call["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name, size in (("traceId", 16), ("spanId", 8), ("parentSpanId", 8)):
                    if name in span:
                        raw = bytes.fromhex(span[name])
                        assert len(raw) == size and any(raw), span
                        span[name] = base64.b64encode(raw).decode()
    json_format.ParseDict(call, ExportTraceServiceRequest())
"""
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
BROKER = os.environ.get("STEPCAST_TEST_KAFKA", "")
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """Keeps the body of each call, and answers with `status`."""

    def __init__(self, port=0):
        self.bodies, self.paths, self.status = [], [], 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                assert self.headers["Content-Type"] == "application/json"
                status = outer.status
                if status == 200:
                    outer.bodies.append(body)
                outer.paths.append(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def spans(self):
        return [span for body in list(self.bodies) for resource in json.loads(body)["resourceSpans"] for scope in resource["scopeSpans"]
                for span in scope["spans"]]

    def of(self, trace):
        return [span for span in self.spans() if span["traceId"] == trace]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def attributes(span):
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


class Spans(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def start(self, *settings):
        server = self.stack.enter_context(servers.stepcast(*settings))
        api = Api(server)
        until(lambda: api.get("/readyz")[0] == 200, "a server that is ready")
        return server, api

    def read(self, collector):
        """The schema reads every call."""
        self.assertTrue(collector.bodies)
        done = subprocess.run([PYTHON, "-c", READ], input=json.dumps(collector.bodies), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])

    def send(self, api, task, headers=None):
        status, answer, _ = api.call("POST", "/api/v2/progress/events", {"taskId": task, "userId": "ada", "eventType": "STARTED"}, headers)
        self.assertEqual(status, 202, answer)

    def test_a_request_is_a_span_of_the_trace_that_it_names_or_begins(self):
        collector = self.stack.enter_context(Collector())
        _, api = self.start(f"otel.endpoint=http://127.0.0.1:{collector.port}/below", "otel.service_name=처음")
        self.send(api, "t-1", {"traceparent": f"00-{TRACE}-{PARENT}-01"})
        self.send(api, "t-2", {"traceparent": f"00-{'1' * 32}-{PARENT}-00"})  # not sampled
        self.send(api, "t-3", {"traceparent": "00-nonsense"})
        self.assertEqual(api.get("/api/v2/progress/status/nobody")[0], 404)
        self.assertEqual(api.get("/api/v2/progress/status/nobody", traceparent=f"00-{TRACE}-{PARENT}-01")[1]["traceId"], TRACE)
        until(lambda: len(collector.of(TRACE)) >= 2, lambda: collector.spans())
        posted, asked = (next(span for span in collector.of(TRACE) if span["name"] == f"{method} {route}")
                         for method, route in (("POST", "/api/v2/progress/events"), ("GET", "/api/v2/progress/status/{taskId}")))
        self.assertEqual((posted["parentSpanId"], posted["kind"]), (PARENT, SERVER))
        self.assertLessEqual(int(posted["startTimeUnixNano"]), int(posted["endTimeUnixNano"]))
        self.assertEqual(attributes(asked), {"http.request.method": "GET", "http.route": "/api/v2/progress/status/{taskId}",
                                             "http.response.status_code": "404"})
        begun, = (span for span in collector.spans() if span["traceId"] != TRACE and span["kind"] == SERVER)
        self.assertNotIn("parentSpanId", begun)
        self.assertEqual(set(collector.paths), {"/below/v1/traces"})
        resource = json.loads(collector.bodies[0])["resourceSpans"][0]["resource"]
        self.assertEqual(attributes(resource)["service.name"], "처음")
        self.read(collector)

    def test_an_order_is_one_tree_over_all_that_it_causes(self):
        collector = self.stack.enter_context(Collector())
        _, api = self.start(f"otel.endpoint=http://127.0.0.1:{collector.port}", "shop.enabled=true")
        until(lambda: api.get("/api/products/1")[0] == 200, "the first product")
        status, answer, _ = api.call("POST", "/api/orders", {"userId": "ada", "orderItems": [{"productId": 1, "quantity": 1}], "paymentMethod": "CARD"},
                                     {"traceparent": f"00-{TRACE}-{PARENT}-01"})
        self.assertEqual(status, 202, answer)
        wanted = {("POST /api/orders", SERVER), ("commit order", INTERNAL), ("publish order-created", PRODUCER), ("consume order-created", CONSUMER),
                  ("commit stock", INTERNAL), ("publish stock-reserved", PRODUCER), ("consume stock-reserved", CONSUMER), ("commit payment", INTERNAL),
                  ("charge", CLIENT), ("publish payment-completed", PRODUCER), ("consume payment-completed", CONSUMER)}
        until(lambda: wanted <= {(span["name"], span["kind"]) for span in collector.of(TRACE)},
              lambda: f"missing {wanted - {(span['name'], span['kind']) for span in collector.of(TRACE)}}")
        spans = {span["spanId"]: span for span in collector.of(TRACE)}
        self.assertEqual(len(spans), len(collector.of(TRACE)))
        top, = (span for span in spans.values() if span["parentSpanId"] not in spans)
        self.assertEqual((top["name"], top["parentSpanId"]), ("POST /api/orders", PARENT))
        self.assertEqual({span.get("status", {}).get("code") for span in spans.values()}, {None})
        charged = next(span for span in spans.values() if span["name"] == "charge")
        consumed = spans[charged["parentSpanId"]]
        self.assertEqual(consumed["name"], "consume stock-reserved")  # the payment service's, which is one of two
        self.assertEqual(spans[spans[consumed["parentSpanId"]]["parentSpanId"]]["spanId"], top["spanId"])  # behind what reserved the stock
        self.read(collector)

    def test_what_cannot_be_read_is_a_span_that_failed(self):
        collector = self.stack.enter_context(Collector())
        self.assertTrue(BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it")
        prefix = unique("spans") + "."
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.start(f"otel.endpoint=http://127.0.0.1:{collector.port}", "shop.enabled=true", "bus.kind=kafka", f"kafka.brokers={BROKER}",
                   f"kafka.topic_prefix={prefix}", f"store.path={folder}/journal")
        subprocess.run(["kcat", "-b", BROKER, "-P", "-t", prefix + "order-created", "-k", "bad", "-H", f"traceparent=00-{TRACE}-{PARENT}-01"],
                       input="no json", text=True, check=True, timeout=60)
        def letters():  # their copies go to topics besides
            return [span for span in collector.of(TRACE) if span["name"].startswith("dead letter")]

        until(lambda: len(letters()) == 2, lambda: f"a letter of each consumer: {collector.of(TRACE)}")
        for span in letters():
            self.assertEqual((span["name"], span["parentSpanId"], span["status"]), (f"dead letter {prefix}order-created", PARENT, {"code": 2}))
        self.read(collector)

    def test_a_collector_that_is_away_costs_spans_and_nothing_else(self):
        with Collector() as collector:
            port = collector.port
        _, api = self.start(f"otel.endpoint=http://127.0.0.1:{port}")
        for number in range(50):
            self.send(api, f"t-{number}")
        collector = self.stack.enter_context(Collector(port))
        until(lambda: len(collector.spans()) + api.metric("stepcast_spans_dropped_total") >= 50, lambda: f"{len(collector.spans())} came")
        self.assertEqual(len(collector.spans()), 50)  # what failed was tried again, in pauses
        collector.status = 400
        self.send(api, "refused")
        until(lambda: api.metric("stepcast_spans_dropped_total") >= 1, "what is refused is dropped")
        calls = len(collector.paths)
        collector.status = 503
        self.send(api, "later")
        until(lambda: len(collector.paths) >= calls + 2, "it is tried again")
        collector.status = 200
        until(lambda: len(collector.spans()) > 50, "and taken in the end")
        self.assertLess(len(collector.paths) - calls, 5)  # each pause is longer

    def test_what_waits_at_the_end_is_sent(self):
        collector = self.stack.enter_context(Collector())
        server, api = self.start(f"otel.endpoint=http://127.0.0.1:{collector.port}")
        self.send(api, "t", {"traceparent": f"00-{TRACE}-{PARENT}-01"})
        self.assertEqual(server.stop(), 0, server.output())
        self.assertTrue(collector.of(TRACE))

    def test_a_collector_that_never_answers_holds_up_no_end(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            server, api = self.start(f"otel.endpoint=http://127.0.0.1:{silent.getsockname()[1]}")
            self.send(api, "t")
            self.assertEqual(server.stop(), 0, server.output())

    def test_without_a_collector_there_are_no_spans(self):
        _, api = self.start()
        self.send(api, "t", {"traceparent": f"00-{TRACE}-{PARENT}-01"})
        self.assertNotIn("stepcast_spans", api.get("/metrics")[1])


if __name__ == "__main__":
    unittest.main()

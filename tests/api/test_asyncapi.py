"""Streams and topics as the server tells them in /asyncapi.json: the document is valid by AsyncAPI's own schema, and what comes over a stream
is what it says."""
import json
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from streams import Api, Stream, servers, unique, until  # noqa: E402
from test_api import TOOLS  # noqa: E402

# Reads the schemas of a document and [name, value] pairs; prints what is wrong.
JUDGE = """
import json, sys
import jsonschema
schemas, values = json.load(sys.stdin)
for name, value in values:
    for error in jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}).iter_errors(value):
        print(name, error.message, json.dumps(value))
"""


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from references(inner)


class Document(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast("sse.heartbeat=1s", threads=1)
        cls.api = Api(cls.server)
        _, cls.document, cls.headers = cls.api.get("/asyncapi.json")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def check(self, document):
        return subprocess.run(["node", HERE / "check_asyncapi.mjs"], input=json.dumps(document), text=True, capture_output=True, check=False)

    def messages(self, address):
        channel = next(channel for channel in self.document["channels"].values() if channel["address"] == address)
        return channel["messages"]

    def test_the_document_is_asyncapi_3(self):
        done = self.check(self.document)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        self.assertEqual(self.document["asyncapi"], "3.0.0")

    def test_what_is_no_asyncapi_is_found(self):
        self.assertEqual(self.check({**self.document, "channels": {"x": {"adress": "y"}}}).returncode, 1)

    def test_the_command_prints_the_same(self):
        printed = subprocess.run([servers.STEPCAST, "asyncapi"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(json.loads(printed), self.document)

    def test_with_tokens_it_is_valid_too(self):
        key = servers.ROOT / "build/api/asyncapi.secret"
        key.write_bytes(b"a secret of the tests, of more than 32 bytes")
        with servers.stepcast("auth.mode=jwt", f'auth.keys=["{key}"]', threads=1) as server:
            document = Api(server).get("/asyncapi.json")[1]
        self.assertEqual(self.check(document).stdout, "")
        self.assertIn("security", document["operations"]["get_api_v2_progress_subscribe"])

    def test_every_reference_leads_somewhere(self):
        found = set(references(self.document))
        self.assertGreater(len(found), 10)
        for reference in found:
            place = self.document
            for name in reference.removeprefix("#/").split("/"):
                place = place[name]

    def test_every_stream_of_the_interface_and_every_topic_is_there(self):
        streams = {path for path, operations in self.api.get("/openapi.json")[1]["paths"].items()
                   if "text/event-stream" in operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})}
        topics = {"progress-events", "progress-events.dlq", "order-events-v2", "order-events-v2.dlq", "event-stream-accounts",
                  "snapshots"}
        self.assertEqual({channel["address"] for channel in self.document["channels"].values()}, streams | topics)

    def test_what_comes_over_a_stream_is_what_the_document_says(self):
        user, task = unique("user"), unique("task")
        for kind, more in (("STARTED", {}), ("PROGRESS", {"percentage": 40, "stepName": "half", "seq": 7, "detail": {"title": "x"}})):
            self.api.event(task, user, kind, **more)
        values = []
        for address, target, cursor in (("/api/v2/progress/subscribe", f"/api/v2/progress/subscribe?userId={user}&beat=1", "zzzz.5"),
                                        ("/api/v2/progress/subscribe/{taskId}", f"/api/v2/progress/subscribe/{task}?beat=1", None),
                                        ("/api/v1/progress/subscribe", f"/api/v1/progress/subscribe?userId={user}", None)):
            messages = self.messages(address)
            with Stream(self.server, target, cursor) as stream:
                wanted = {"progress"} if "v1" in address else {"recovery", "live", "beat", "progress"} | ({"reset"} if cursor else set())
                if "v1" not in address:
                    stream.settled()
                def all_came():
                    self.api.event(task, user, "PROGRESS", percentage=50)
                    return wanted <= set(stream.kinds())
                until(all_came, lambda: f"{wanted}, has {stream.kinds()}")
                for block in list(stream.blocks):
                    if "event" not in block:
                        continue
                    message = messages[block["event"]]
                    self.assertEqual("id" in block, message.get("x-id", False), block)
                    values.append((message["payload"]["$ref"].rpartition("/")[2], json.loads(block["data"])))
        judged = subprocess.run([TOOLS / "python", "-c", JUDGE], input=json.dumps([self.document["components"]["schemas"], values]), text=True,
                                capture_output=True, check=False)
        self.assertEqual((judged.returncode, judged.stdout), (0, ""), judged.stderr)


if __name__ == "__main__":
    unittest.main()

"""What could not be handled: it outlives any restart, and is handed over again in order, once. STEPCAST_TEST_KAFKA names the broker."""
import json
import os
import subprocess
import tempfile
import threading
import unittest

from streams import Api, crash, servers, unique, until
from test_kafka import kcat_produce, kcat_produce_many, kcat_read

BROKER = os.environ.get("STEPCAST_TEST_KAFKA", "")


def event(task, user, **more):
    return {"taskId": task, "userId": user, "eventType": "PROGRESS", "percentage": 40, **more}


class DeadLetters(unittest.TestCase):
    def setUp(self):
        self.prefix = unique("dead") + "."
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.journal = f"store.path={folder.name}/journal"

    def start(self, *settings):
        server = servers.stepcast("store.ttl=1s", "store.cleanup_interval=100ms", *settings)
        self.addCleanup(server.stop)
        api = Api(server)
        until(lambda: api.get("/readyz")[0] == 200, lambda: f"ready: {server.output()}", 60)
        return server, api

    def kafka(self):
        self.assertTrue(BROKER, "STEPCAST_TEST_KAFKA is not set: tests/integration/broker.py start DIR prints it")
        return ("bus.kind=kafka", f"kafka.brokers={BROKER}", f"kafka.topic_prefix={self.prefix}", "kafka.partitions=3")

    def letters(self, api):
        status, letters, _ = api.get("/api/dead-letters?limit=1000")
        self.assertEqual(status, 200)
        return letters

    def redrive(self, server, *arguments):
        return subprocess.Popen([servers.STEPCAST, "redrive", "--server", server.url, *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def test_a_letter_outlives_a_crash_and_tells_what_was_done_about_it(self):
        for bus in (self.kafka() + (self.journal,), self.kafka()):
            with self.subTest(bus[-1]):
                self.prefix = unique("dead") + "."
                bus = self.kafka() + bus[4:]
                server, api = self.start(*bus)
                topic = self.prefix + "progress-events"
                kcat_produce(topic, "k", b"no json")
                letter = until(lambda: self.letters(api), "the letter")[0]
                self.assertEqual((letter["consumer"], letter["topic"], letter["key"], letter["errorClass"], letter["attempts"], letter["behind"]),
                                 ("progress-ingest", topic, "k", "malformed", 1, False))
                self.assertEqual(len(kcat_read(topic + ".dlq", 1)), 1)
                crash(server)
                server, api = self.start(*bus)
                letter = until(lambda: self.letters(api), "the letter is there again")[0]
                self.assertEqual((letter["topic"], letter["key"], letter["errorClass"]), (topic, "k", "malformed"))
                status, answer, headers = api.call("POST", f"/api/dead-letters/{letter['id']}/redrive")
                self.assertEqual((status, answer, headers["Location"]), (202, {"success": True}, f"/api/dead-letters/{letter['id']}"))
                whole = until(lambda: (found := api.get(headers["Location"])[1])["history"] and found["status"] != "REDRIVING" and found, "the attempt")
                self.assertEqual((whole["status"], whole["value"], whole["redrives"], whole["history"][0]["result"]),
                                 ("PARKED", "no json", 1, "failed"))
                command = self.redrive(server, letter["id"])
                out, err = command.communicate(timeout=60)
                self.assertEqual((command.returncode, json.loads(out)["redrives"]), (1, 2), err)
                self.assertEqual(api.get("/api/dead-letters/12345678")[0], 404)
                self.assertEqual(api.get("/api/dead-letters?limit=0")[0], 400)
                self.assertEqual(api.metric("stepcast_redrives_total"), 2)
                self.assertEqual(api.metric("stepcast_dead_letters_parked"), 1)
                server.stop()

    def test_on_the_embedded_bus_a_letter_outlives_a_crash(self):
        server, api = self.start(self.journal)

        def give(task, user):
            api.post([event(task, user), event(task, user, percentage=50)])

        # Whose a task is they learn at the door, unless all come at once.
        for _ in range(50):
            task = unique("task")
            clients = [threading.Thread(target=give, args=(task, f"user{number}")) for number in range(8)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            if self.letters(api):
                break
        letters = self.letters(api)
        self.assertTrue(letters, "no two owners came at once")
        self.assertEqual(letters[0]["errorClass"], "not-owner")
        crash(server)
        server, api = self.start(self.journal)
        self.assertEqual(self.letters(api), letters)

    def test_a_redrive_that_is_killed_midway_loses_nothing_and_doubles_nothing(self):
        count, topic = 100, self.prefix + "progress-events"
        server, api = self.start(*self.kafka(), self.journal)
        tasks = [f"task-{number}" for number in range(count)]
        owned = [event(task, "ada", eventType="COMPLETED", percentage=100) for task in tasks]
        others = [event(task, "bob") for task in tasks]
        kcat_produce_many(topic, [f"{one['taskId']}|{json.dumps(one)}\n" for one in owned + others])
        until(lambda: len(self.letters(api)) == count, lambda: f"{count} letters: {len(self.letters(api))}")
        # Once ada's tasks have expired they may be bob's.
        until(lambda: api.get(f"/api/v2/progress/status/{tasks[-1]}")[0] == 404, "the tasks expire")
        command = self.redrive(server, "--all")
        for _ in range(20):
            self.assertIn('"HANDLED"', command.stdout.readline())
        crash(server)
        command.communicate(timeout=60)
        self.assertEqual(command.returncode, 1)
        server, api = self.start(*self.kafka(), self.journal)
        left = len(self.letters(api))
        self.assertTrue(0 < left <= count - 20, left)
        command = self.redrive(server, "--all")
        _, err = command.communicate(timeout=120)
        self.assertEqual((command.returncode, self.letters(api)), (0, []), err)
        for task in tasks:
            history = api.history(task)
            self.assertEqual([(one["userId"], one["version"]) for one in history], [("bob", 1)], task)

    def test_behind_a_bad_order_those_of_its_key_are_parked_and_others_go_on(self):
        server, api = self.start(*self.kafka(), self.journal, "orders.step_delay=0s")
        topic = self.prefix + "order-events-v2"
        until(lambda: server.get("/readyz")[0] == 200, "ready")

        def order(task):
            return json.dumps({"taskId": task, "userId": "ada", "productName": "노트북", "quantity": 1,
                               "timestamp": "2026-01-01T00:00:00.000Z"}).encode()

        kcat_produce(topic, "a", b"no json")
        kcat_produce(topic, "a", order("behind"))
        kcat_produce(topic, "b", order("other"))
        until(lambda: api.status("other")[0] == 200 and api.status("other")[1]["status"] == "COMPLETED", "the order of another key")
        letters = until(lambda: len(found := self.letters(api)) == 2 and found, "two letters")
        self.assertEqual([(letter["consumer"], letter["key"], letter["errorClass"], letter["behind"]) for letter in letters],
                         [("order-consumer", "a", "malformed", False), ("order-consumer", "a", "behind", True)])
        self.assertEqual(api.status("behind")[0], 404)
        self.assertEqual(api.call("DELETE", f"/api/dead-letters/{letters[0]['id']}")[0], 200)
        self.assertEqual(api.get(f"/api/dead-letters/{letters[0]['id']}")[1]["status"], "GIVEN_UP")
        command = self.redrive(server, letters[0]["id"])
        out, err = command.communicate(timeout=60)
        self.assertEqual((command.returncode, json.loads(out)["status"]), (1, "GIVEN_UP"), err)
        command = self.redrive(server, "--all")
        _, err = command.communicate(timeout=60)
        self.assertEqual((command.returncode, self.letters(api)), (0, []), err)
        self.assertEqual(api.status("behind")[1]["status"], "COMPLETED")


if __name__ == "__main__":
    unittest.main()

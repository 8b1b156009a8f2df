"""What outlives the process with a journal and the embedded bus."""
import tempfile
import unittest

from streams import Api, crash, order, servers, unique, until


class Restart(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = f"{folder.name}/journal"

    def start(self, *settings):
        server = servers.stepcast(f"store.path={self.path}", *settings)
        self.addCleanup(server.stop)
        api = Api(server)
        until(lambda: api.get("/readyz")[0] == 200, f"ready: {server.output()}", 60)
        return server, api

    def test_orders_that_were_answered_are_worked_off_after_kill_9(self):
        server, api = self.start("orders.step_delay=300ms")
        user = unique("user")
        tasks = [order(api, user) for _ in range(20)]
        failing = order(api, user, quantity=101)
        crash(server)
        server, api = self.start("orders.step_delay=10ms")
        for task in tasks:
            until(lambda task=task: api.status(task)[1].get("status") == "COMPLETED", f"{task}: {server.output()}")
            self.assertEqual([event["percentage"] for event in api.history(task)], [0, 25, 50, 75, 100])
            self.assertEqual([event["eventId"] for event in api.history(task)], [f"{task}:{step}" for step in range(5)])
        until(lambda: api.status(failing)[1].get("status") == "FAILED", failing)
        until(lambda: api.metric("stepcast_orders_in_flight") == 0, "nothing in flight")
        # Worked off means forgotten: a further start has nothing to go on with.
        crash(server)
        server, api = self.start()
        self.assertNotIn("orders from before the start", server.output())
        self.assertEqual(api.status(tasks[0])[1]["version"], 5)


if __name__ == "__main__":
    unittest.main()

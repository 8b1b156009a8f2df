"""The generator itself: it says nothing of a whole run, and notices what a server does wrong."""
import unittest

import servers


class Generator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        servers.build("floor")

    def test_a_whole_run_has_no_faults(self):
        for coalesce in (False, True):
            with self.subTest(coalesce=coalesce), servers.floor(coalesce) as server:
                report = servers.bench(server, "fanout", clients=50, in_flight=8, seconds=1)
                self.assertNotIn("error", report)
                self.assertGreater(report["deliveries"], 50 * 8)
                self.assertGreater(report["cpu_us_per_delivery"], 0)

    def test_a_post_per_user_reaches_that_user_alone(self):
        with servers.floor() as server:
            report = servers.bench(server, "users", clients=50, in_flight=8, seconds=1)
            self.assertNotIn("error", report)
            self.assertEqual(report["events"], report["deliveries"])

    def test_a_server_without_resume_is_found_out(self):
        with servers.floor() as server:
            report = servers.bench(server, "churn", users=10, clients=3, rate=500, seconds=3)
            self.assertIn("error", report)
            self.assertGreater(report["lost"], 0)

    def test_the_banks_loads_find_all_money_where_it_was_put(self):
        with servers.stepcast() as server:
            report = servers.bench(server, "deposits", clients=20, in_flight=8, seconds=0, events=200)
            self.assertEqual((report.get("error"), report["deposits"], report["conflicts"]), (None, 200, 0))
            report = servers.bench(server, "transfers", clients=50)
            self.assertEqual((report.get("error"), report["completed"]), (None, 50))

    def test_a_server_that_is_not_there_is_an_error(self):
        with servers.floor() as server:
            pass
        self.assertIn("error", servers.bench(server, "fanout", clients=1, seconds=1))


if __name__ == "__main__":
    unittest.main()

"""The promises under load, judged by the generator: nothing lost, nothing twice, no silent gap, whoever else is connected.

Latencies are compared as a ratio within one run, against generous bounds: they catch a server that stalls, not a slow machine.
"""
import os
import pathlib
import shutil
import subprocess
import unittest

import servers

SYMBOLIZER = "external_symbolizer_path=" + (shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer") or "")
MIB = 1024 * 1024


def asan_server():
    """The server with AddressSanitizer and UBSan, built if it is not there."""
    given = os.environ.get("STEPCAST_ASAN_BINARY")
    if given:
        return pathlib.Path(given)
    for command in (["cmake", "--preset", "asan"], ["cmake", "--build", "build/asan", "--target", "stepcast"]):
        # run.py may be at work in that folder.
        done = subprocess.run(["flock", "build/asan.lock", *command], cwd=servers.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout[-4000:])
    return servers.ROOT / "build/asan/stepcast"


class UnderLoad(unittest.TestCase):
    def start(self, *settings, **options):
        server = servers.stepcast("orders.enabled=false", *settings, **options)
        self.addCleanup(server.stop)
        return server

    def assert_whole(self, report):
        self.assertNotIn("error", report, report)
        self.assertTrue(report["verdict"].startswith("0 lost, 0 twice, 0 silent gaps"), report)

    def churn(self, server, rate):
        report = servers.bench(server, "churn", users=200, clients=5, rate=rate, seconds=10)
        self.assert_whole(report)
        self.assertGreater(report["cuts"], 1000, report)
        self.assertGreater(report["acknowledged"], 5 * rate, report)
        self.assertEqual(report["resets"], 0, "a cut shorter than the retention is resumed exactly")
        print(f"churn at {rate}/s, seed {report['seed']}: {report['verdict']}, {report['cuts']} cuts")

    def test_churn_loses_nothing(self):
        self.churn(self.start(), 2000)

    def test_churn_with_sanitizers_loses_nothing(self):
        server = self.start(binary=asan_server(), env={
            "ASAN_OPTIONS": f"detect_stack_use_after_return=1:{SYMBOLIZER}",
            "UBSAN_OPTIONS": f"print_stacktrace=1:{SYMBOLIZER}"})
        self.churn(server, 500)
        self.assertEqual(server.stop(), 0, server.output()[-8000:])

    def test_churn_with_a_tiny_ring_loses_nothing(self):
        self.churn(self.start("broadcast.ring_size=64"), 2000)

    def test_stalled_readers_cost_bounded_memory_and_nobody_else_any_time(self):
        server = self.start("sse.outbox_bytes=\"64KiB\"")
        report = servers.bench(server, "slow", clients=100, stalled=20, rate=1000, seconds=12)
        self.assert_whole(report)
        self.assertGreater(report["coalesced_total"], 0, "the stalled readers were not even slow")
        self.assertLess(report["latency_p50_ms"], 3 * report["latency_p50_ms_without"] + 5, report)
        # Six seconds of events are kept besides: 6000 of less than 1 KiB.
        self.assertLess(report["memory_rise"], 20 * 64 * 1024 + 16 * MIB, report)

    def test_a_stop_under_load_delivers_what_it_acknowledged(self):
        server = self.start()
        report = servers.bench(server, "drain", users=50, clients=4, rate=1000, seconds=3)
        self.assert_whole(report)
        self.assertEqual(report["streams_left"], 0, report)
        self.assertEqual(server.wait(), 0, server.output())

    def test_a_crowd_leaves_the_rest_undisturbed(self):
        server = self.start()
        report = servers.bench(server, "crowd", clients=100, rate=100, seconds=20, seed=1)
        self.assert_whole(report)
        self.assertEqual(report["idle_streams"], 10000, report)
        self.assertGreater(report["resetting_clients"], 500, report)
        self.assertLess(report["latency_p50_ms"], 3 * report["latency_p50_ms_without"] + 5, report)


if __name__ == "__main__":
    unittest.main()

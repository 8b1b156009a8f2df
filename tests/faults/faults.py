#!/usr/bin/env python3
"""Breaks Stepcast in every way that it promises to survive. `./dev faults` calls it; the release server is built by then.

    faults.py [--short] [--seeds N] [--seed FIRST] [--json FILE] [WORD…]

Prints one line for each fault with its verdict and figures; with words, only the faults whose names hold one of them. Exit code 0
only if all hold. --short: one seed, fewer rounds, shorter outages.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import sys
import tempfile
import threading
import time
import traceback
import typing

import clock
import doors
import harness
import kills
import limits
import matrix
import members
import orders
import outages
import records
import sagas
import transfers


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    carry_out: typing.Callable
    slow: bool = False  # begun first, so that none of these is left alone at the end


FAULTS = (
    Fault("kill -9 at random, embedded bus", kills.kill_at_random),
    Fault("kill -9 at random, Kafka", kills.kill_at_random_with_kafka),
    Fault("kill -9 between journal and answer", kills.kill_between_write_and_answer),
    Fault("kill -9 between journal and offset, Kafka", kills.kill_between_write_and_offset),
    Fault("the bank dies at named places", transfers.bank_dies),
    Fault("the bank dies at named places, Kafka", transfers.bank_dies_with_kafka),
    Fault("the shop dies at named places", sagas.shop_dies),
    Fault("the shop dies at named places, Kafka", sagas.shop_dies_with_kafka, slow=True),
    Fault("the orchestrated shop dies", sagas.orchestrated_shop_dies),
    Fault("the orchestrated shop dies, Kafka", sagas.orchestrated_shop_dies_with_kafka, slow=True),
    Fault("each service of the shop dies, Kafka", matrix.services_die, slow=True),
    Fault("the shop's messages again and in any order", sagas.repeated_and_reordered, slow=True),
    Fault("the shop's messages again on day eight", sagas.again_on_day_eight),
    Fault("rebalances of the shop's consumers", members.rebalances),
    Fault("the shop's dead letters", sagas.letter_of_one_key),
    Fault("the shop's deadlines fall while it is down", sagas.deadlines),
    Fault("broker killed and back", outages.broker_killed, slow=True),
    Fault("broker frozen", outages.broker_frozen, slow=True),
    Fault("broker frozen under deposits", outages.outbox_over_an_outage, slow=True),
    Fault("rebalances of the order consumers", orders.rebalances, slow=True),
    Fault("every tenth event twice", orders.duplicates),
    Fault("nasty records", records.nasty),
    Fault("topic deleted and made again", records.topic_made_again),
    Fault("wall clock stepped by an hour", clock.clock_steps),
    Fault("certificate changed under 1,000 streams", doors.certificate_changed),
    Fault("256 MiB of memory", limits.memory_limit, slow=True),
    Fault("512 MiB, 700,000 tasks in memory", limits.small_tasks_in_memory, slow=True),
    Fault("512 MiB, 700,000 tasks in a journal", limits.small_tasks_in_a_journal, slow=True),
    Fault("full disk", limits.disk_full),
    Fault("file-size limit", limits.file_size_limit),
    Fault("quota", limits.quota),
)
# So many at once: most of them wait most of the time.
SIDE_BY_SIDE = 4


def carry_out(fault, seeds, short):
    """All seeds of a fault, until one fails. (name, outcome, text)."""
    began, figures = time.monotonic(), {}
    for seed in seeds:
        try:
            with harness.Run(seed, short) as run:
                fault.carry_out(run)
        except harness.Skip as reason:
            return fault.name, "skipped", str(reason)
        except Exception:  # whatever it was, the others go on
            return fault.name, "failed", f"seed {seed}\n{traceback.format_exc()}"
        for name, value in run.figures.items():
            figures[name] = max(figures.get(name, 0), value) if name.endswith("_max") else figures.get(name, 0) + value
    told = ", ".join(f"{name} {round(value, 2)}" for name, value in figures.items())
    return fault.name, "passed", f"{told}; {len(seeds)} seed{'s' * (len(seeds) > 1)} in {time.monotonic() - began:.0f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--json", help="writes (name, outcome, text) of each fault to this file")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + (1 if arguments.short else arguments.seeds))
    chosen = [fault for fault in FAULTS if not arguments.words or any(word in fault.name for word in arguments.words)]
    if not chosen:
        sys.exit(f"no such fault; there are: {'; '.join(fault.name for fault in FAULTS)}")
    rows, printing = [], threading.Lock()
    with tempfile.TemporaryDirectory(prefix="stepcast-kafka-") as folder:
        shared = None
        if "STEPCAST_TEST_KAFKA" not in os.environ:
            shared = harness.Broker(os.path.join(folder, "broker"))
            os.environ["STEPCAST_TEST_KAFKA"] = shared.address
        try:
            with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                chosen.sort(key=lambda fault: not fault.slow)
                for done in concurrent.futures.as_completed(pool.submit(carry_out, fault, seeds, arguments.short) for fault in chosen):
                    name, outcome, text = done.result()
                    rows.append(done.result())
                    with printing:
                        print(f"{ {'passed': 'holds', 'failed': 'BROKEN', 'skipped': 'SKIPPED'}[outcome]:8}{name:45}{text}", flush=True)
        finally:
            if shared:
                shared.act("stop")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as report:
            json.dump(rows, report)
    return 0 if all(outcome != "failed" for _, outcome, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

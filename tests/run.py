#!/usr/bin/env python3
"""Runs the tests in stages and ends with one line `N passed, N failed`. `./dev test` calls it; the release server is built by then.

    run.py [STAGE…]     stages: ground seeds integration faults web proxies clients api tokens load asan tsan (all, in this order),
                        unit (what asan runs, in the release build)
"""
import atexit
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Under a name with a version the sanitizers do not find it by themselves.
SYMBOLIZER = "external_symbolizer_path=" + (shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer") or "")
SUITES = "^(unit_|store_conformance|bus_conformance|fuzz_replay)"
CROSSING = "^(unit_broadcast|unit_aio|unit_bus|store_conformance)\\."
STAGE_LIMIT_S = 1200


class Tally:
    """What passed, failed and was skipped, by name. Any thread may add."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []
        self.adding = threading.Lock()

    def add(self, name, outcome, output=""):
        with self.adding:
            if outcome == "passed":
                self.passed += 1
            elif outcome == "skipped":
                self.skipped.append(name)
            else:
                self.failed.append(name)
                print(f"-- FAILED {name}\n{output.rstrip()}", flush=True)


tally = Tally()


def call(command, stage, **options):
    """Runs a command of a stage in the root, with a limit; its output is shown only if it fails. True if it succeeded."""
    try:
        done = subprocess.run(command, cwd=options.pop("cwd", ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=STAGE_LIMIT_S, **options)
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
        tally.add(stage, "failed", f"no end after {STAGE_LIMIT_S} s\n{output[-4000:]}")
        return None
    return done


def start_broker():
    """One real Kafka for the whole run; tests find it by STEPCAST_TEST_KAFKA."""
    if "STEPCAST_TEST_KAFKA" in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="stepcast-kafka-")
    tool = [sys.executable, str(ROOT / "tests/integration/broker.py")]
    atexit.register(lambda: (subprocess.run([*tool, "stop", folder], check=False), shutil.rmtree(folder, ignore_errors=True)))
    started = subprocess.run([*tool, "start", folder], stdout=subprocess.PIPE, text=True, check=False)
    if started.returncode != 0:
        tally.add("kafka broker", "failed", "it did not start; see above")
        return
    os.environ["STEPCAST_TEST_KAFKA"] = started.stdout.split()[-1]


def build_command(preset, target):
    """Configures and builds; one such command at a time works in a folder of build/."""
    (ROOT / "build").mkdir(exist_ok=True)
    script = f"cmake --preset {preset} && cmake --build build/{preset} --target {target}"
    return ["flock", f"build/{preset}.lock", "sh", "-c", script]


def build_ahead(stages):
    """Builds what later stages run, with what the processors have left over: the stages before them mostly wait."""
    later = [("asan", "stepcast"), ("asan", "suites"), ("tsan", "crossing")]
    commands = [shlex.join(build_command(*one)) for one in later if one[0] in stages[1:]]
    if commands:
        ahead = subprocess.Popen(["chrt", "--idle", "0", "sh", "-c", "; ".join(commands)], cwd=ROOT, start_new_session=True,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(lambda: ahead.poll() is None and os.killpg(ahead.pid, signal.SIGTERM))


def build(preset, target):
    done = call(build_command(preset, target), f"build {preset}")
    if done is not None and done.returncode != 0:
        tally.add(f"build {preset}", "failed", "\n".join(line for line in done.stdout.splitlines() if "error" in line or "FAILED" in line)
                  or done.stdout[-4000:])
    return done is not None and done.returncode == 0


def ctest(preset, target, names):
    """Builds a target of tests and runs those whose names match, each in a process of its own."""
    if not build(preset, target):
        return
    report = ROOT / "build" / preset / "report.xml"
    report.unlink(missing_ok=True)
    # A suite that waits for brokers takes one place, the others two: so each processor has one of these.
    done = call(["ctest", "--test-dir", f"build/{preset}", "-j", str(2 * os.cpu_count()), "-R", names, "--no-tests=error",
                 "--output-junit", str(report)], f"{preset} tests",
                env={**os.environ, "ASAN_OPTIONS": f"detect_stack_use_after_return=1:{SYMBOLIZER}",
                     "UBSAN_OPTIONS": f"print_stacktrace=1:{SYMBOLIZER}", "TSAN_OPTIONS": SYMBOLIZER})
    if done is None:
        return
    if not report.exists():
        tally.add(f"{preset} tests", "failed", done.stdout[-4000:])
        return
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        outcome = {"run": "passed", "notrun": "skipped"}.get(case.get("status"), "failed")
        if case.find("skipped") is not None and case.find("skipped").get("message", "").startswith("SKIP"):
            outcome = "skipped"
        tally.add(f"{preset}: {case.get('name')}", outcome, (case.findtext("system-out") or "")[-8000:])


def reported(stage, *command):
    """Runs a command that writes (name, outcome, text) of each of its tests as JSON to the file that is added to it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        done = call([sys.executable, *command, report.name], stage)
        if done is None:
            return
        results = pathlib.Path(report.name).read_text()
    if not results:
        tally.add(stage, "failed", done.stdout[-4000:])
        return
    for name, outcome, output in json.loads(results):
        tally.add(f"{stage}: {name}" + (f" ({output})" if outcome == "skipped" else ""), outcome, output)


def python_suite(folder, side_by_side=1):
    """The unittest cases of tests/FOLDER, each file in a process of its own, so many at a time. The largest files begin."""
    files = sorted((ROOT / "tests" / folder).glob("test_*.py"), key=lambda file: -file.stat().st_size)
    with concurrent.futures.ThreadPoolExecutor(side_by_side) as processes:
        list(processes.map(lambda file: reported(folder, str(ROOT / "tests/run.py"), "--suite", folder, file.name), files))


class Recorder(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.rows = []

    def addSuccess(self, test):
        self.rows.append((test.id(), "passed", ""))

    def addFailure(self, test, error):
        self.rows.append((test.id(), "failed", self._exc_info_to_string(error, test)))

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addFailure(subtest, error)

    def addSkip(self, test, reason):
        self.rows.append((test.id(), "skipped", reason))


def run_suite(folder, file, report):
    """Mode of the child process of python_suite."""
    sys.path.insert(0, str(ROOT / "tests" / folder))
    suite = unittest.defaultTestLoader.discover(str(ROOT / "tests" / folder), pattern=file)
    recorder = Recorder()
    suite.run(recorder)
    pathlib.Path(report).write_text(json.dumps(recorder.rows))


class Missing(Exception):
    """What could not be installed, and what was said."""


INSTALLING = threading.RLock()  # a stage waits for what is being installed ahead of it


def installed(stamp, wanted, *commands, cwd=ROOT):
    """Runs the commands that install what the file `wanted` lists, unless `stamp` is newer than it."""
    with INSTALLING:
        if stamp.exists() and stamp.stat().st_mtime >= wanted.stat().st_mtime:
            return
        for command in commands:
            try:
                subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                               timeout=STAGE_LIMIT_S, check=True)
            except (subprocess.SubprocessError, OSError) as failed:
                output = getattr(failed, "output", None) or str(failed)
                raise Missing(f"{command[0]} for {wanted.relative_to(ROOT)}", output[-4000:]) from failed
        stamp.touch()


def npm_installed(name):
    folder = ROOT / "tests" / name
    installed(folder / "node_modules/.package-lock.json", folder / "package-lock.json", ["npm", "ci", "--no-audit", "--no-fund"], cwd=folder)


def pip_installed(name):
    """What tests/NAME/requirements.txt lists, in build/NAME."""
    venv, wanted = ROOT / "build" / name, ROOT / "tests" / name / "requirements.txt"
    installed(venv / "installed", wanted, [sys.executable, "-m", "venv", str(venv)],
              [str(venv / "bin/pip"), "install", "-q", "-r", str(wanted)])


def java_installed(name):
    """What its pom.xml lists in build/clients/jars, and its sources compiled into build/clients/java."""
    sys.path.insert(0, str(ROOT / "tests/integration"))
    import broker  # Kafka's producer is among the broker's jars
    folder, jars, classes = ROOT / "tests" / name, ROOT / "build/clients/jars", ROOT / "build/clients/java"
    installed(jars / "installed", folder / "pom.xml", ["rm", "-rf", str(jars)],
              ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"], cwd=folder)
    for source in sorted(folder.glob("*.java")):
        installed(classes / f"{source.name}.installed", source,
                  ["javac", "-d", str(classes), "-cp", f"{jars}/*:{broker.libraries()}/*", str(source)])


# What a stage needs besides the packages of the system.
NEEDS = {
    "web": ((npm_installed, "web"),),
    "proxies": ((npm_installed, "web"),),
    "clients": ((npm_installed, "clients"), (pip_installed, "clients"), (java_installed, "clients")),
    "api": ((npm_installed, "api"), (pip_installed, "api")),
    "tokens": ((pip_installed, "tokens"),),
}


def has_needs(stage):
    try:
        for install, name in NEEDS[stage]:
            install(name)
        return True
    except Missing as missing:
        tally.add(missing.args[0], "failed", missing.args[1])
        return False


def install_ahead(stages):
    """Installs what later stages need, as `build_ahead` builds: pip and Maven take a minute in a fresh clone. What fails is tried again by
    its stage, which tells."""
    def install():
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # of this thread and its children
        for stage in stages:
            for step, name in NEEDS.get(stage, ()):
                with contextlib.suppress(Missing):
                    step(name)
    threading.Thread(target=install, daemon=True).start()


def suite_with_needs(stage):
    if has_needs(stage):
        if stage == "clients":
            start_broker()
        python_suite(stage)


def web():
    folder = ROOT / "tests/web"
    if not has_needs("web"):
        return
    done = call(["node", "--test", "--test-concurrency=1", "--test-reporter=tap"], "web", cwd=folder)
    if done is None:
        return
    rows = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "not ok "))]
    if not rows:
        tally.add("web", "failed", done.stdout[-8000:])
    for line in rows:
        name = line.partition(" - ")[2]
        outcome = "failed" if line.startswith("not ok") else "skipped" if "# SKIP" in line else "passed"
        tally.add(f"web: {name}", outcome, done.stdout[-16000:] if outcome == "failed" else "")


STAGES = {
    "ground": lambda: python_suite("ground"),
    "seeds": lambda: (start_broker(), python_suite("seeds")),
    # Its tests mostly wait, for time-outs and for servers that start and stop.
    "integration": lambda: (start_broker(), python_suite("integration", side_by_side=2)),
    "faults": lambda: (start_broker(), reported("faults", str(ROOT / "tests/faults/faults.py"), "--short", "--json")),
    "web": web,
    "proxies": lambda: (start_broker(), suite_with_needs("proxies")),
    "clients": lambda: suite_with_needs("clients"),
    "api": lambda: suite_with_needs("api"),
    "tokens": lambda: build("release", "signatures") and suite_with_needs("tokens"),
    # It uses a server of the address sanitizer, which is built ahead meanwhile.
    "load": lambda: build("release", "floor") and (start_broker(), python_suite("load")),
    "asan": lambda: (start_broker(), ctest("asan", "suites", SUITES)),
    "tsan": lambda: ctest("tsan", "crossing", CROSSING),
}
# Only by name: each suite runs once, where the sanitizers look on.
BY_NAME = {"unit": lambda: (start_broker(), ctest("release", "suites", SUITES))}


def main(names):
    known = STAGES | BY_NAME
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no such stage: {' '.join(unknown)}; there are: {' '.join(known)}")
    stages = names or list(STAGES)
    build_ahead(stages)
    install_ahead(stages)
    for name in stages:
        began, passed, failed = time.monotonic(), tally.passed, len(tally.failed)
        print(f"== {name}", flush=True)
        known[name]()
        print(f"   {tally.passed - passed} passed, {len(tally.failed) - failed} failed in {time.monotonic() - began:.0f} s", flush=True)
    for name in tally.skipped:
        print(f"skipped: {name}")
    for name in tally.failed:
        print(f"failed: {name}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed", flush=True)
    return 1 if tally.failed or tally.passed == 0 else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--suite"]:
        run_suite(*sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1:]))

"""Things that must agree with each other across the tree: packages, settings, version, documents."""
import os
import pathlib
import re
import shlex
import subprocess
import unittest

import floors

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("STEPCAST_BIN", str(ROOT / "build/release/stepcast"))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def output(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def packages_of_dev(group):
    """The packages of an array in `dev`, by their names in Debian 12."""
    entries = shlex.split(re.search(rf"^{group}=\(([^)]*)\)", read("dev"), re.M).group(1))
    return {re.split("[=:|]", entry)[0].replace("@", "19") for entry in entries}


def packages_of_dockerfile():
    """The packages that each stage of the Dockerfile installs."""
    stages = re.split(r"^FROM ", read("Dockerfile"), flags=re.M)[1:]
    return [set(re.search(r"install -y --no-install-recommends \\\n(.*?) &&", stage, re.S).group(1).replace("\\", " ").split())
            for stage in stages]


def package_of_library(name):
    """The Debian package that owns a shared library; /lib and /usr/lib are one folder with two names in dpkg's books."""
    path = next(line.split()[2] for line in output("ldd", BINARY).splitlines() if line.split()[0] == name)
    for spelling in {path, os.path.realpath(path), path.removeprefix("/usr"), "/usr" + path.removeprefix("/usr"),
                     os.path.realpath(path).removeprefix("/usr")}:
        found = subprocess.run(["dpkg", "-S", spelling], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.partition(":")[0]
    raise AssertionError(f"no package owns {path}")


class Ground(unittest.TestCase):
    def test_the_image_is_built_with_the_packages_that_dev_installs(self):
        self.assertEqual(packages_of_dockerfile()[0], packages_of_dev("RUN"))

    def test_the_image_runs_with_the_libraries_that_the_binary_names(self):
        needed = re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d", BINARY))
        self.assertGreater(len(needed), 5)
        libraries = {package_of_library(name) for name in needed} - {"libc6"}  # the base image is built on it
        # The certificates are data, not a library: for TLS to brokers.
        self.assertEqual(packages_of_dockerfile()[1], libraries | {"ca-certificates"})

    def test_every_package_is_named_once(self):
        groups = [packages_of_dev(group) for group in ("RUN", "TEST", "BENCH", "FORMAT")]
        self.assertEqual(sum(map(len, groups)), len(set.union(*groups)))

    def test_config_toml_is_what_the_table_of_keys_prints(self):
        self.assertEqual(read("config.toml"), output(BINARY, "check-config", "--defaults"))

    def test_the_document_of_settings_is_what_the_table_of_keys_prints(self):
        self.assertEqual(read("docs/configuration.md"), output(BINARY, "check-config", "--markdown"),
                         "make it anew: stepcast check-config --markdown > docs/configuration.md")

    def test_the_document_of_the_interface_is_what_the_endpoint_table_prints(self):
        self.assertEqual(read("docs/api.md"), output(BINARY, "openapi", "--markdown"))

    def test_the_version_stands_in_one_place(self):
        version = re.search(r"project\(stepcast VERSION ([\d.]+)", read("CMakeLists.txt")).group(1)
        self.assertEqual(output(BINARY, "--version").strip(), version)
        for name in ("Dockerfile", "compose.yaml", "README.md", "tests/web/package.json", "tests/clients/package.json", "tests/api/package.json", "config.toml"):
            self.assertNotIn(version, read(name), name)

    def test_the_lock_files_hold_no_download_addresses(self):
        for name in ("tests/web/package-lock.json", "tests/clients/package-lock.json", "tests/api/package-lock.json"):
            self.assertNotIn('"resolved"', read(name), name)

    def test_files_stay_small(self):
        long = [f"{path.relative_to(ROOT)}: {lines} lines" for path in [*ROOT.glob("src/**/*.[ch]pp"), *ROOT.glob("tests/**/*.[ch]pp")]
                if (lines := path.read_text(encoding="utf-8").count("\n")) > 400]
        self.assertEqual(long, [])

    def test_every_folder_of_the_source_says_what_it_is_for(self):
        folders = {ROOT / "src" / floors.place(path.relative_to(ROOT / "src").as_posix())[0] for path in ROOT.glob("src/*/**/*.[ch]pp")}
        self.assertEqual([str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "README.md").exists()], [])

    def test_no_comment_cites_what_a_reader_does_not_have(self):
        elsewhere = re.compile(r"\(design\b|\bdecisions? (§|\d)|\b(design|decisions|api|style|real-parts)\.md")
        cited = [f"{path.relative_to(ROOT)}:{number}" for path in [*ROOT.glob("src/**/*.[ch]pp"), *ROOT.glob("tests/**/*.[ch]pp"),
                 *ROOT.glob("tests/*/*.py")] for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
                 if elsewhere.search(line.replace("docs/api.md", "")) and path != pathlib.Path(__file__).resolve()]
        self.assertEqual(cited, [])

    def test_no_lower_floor_speaks_of_a_domain_but_in_examples(self):
        domains = floors.DOMAINS - {"domain/topics"}  # a word of the bus, too
        word = re.compile(rf"\b({'|'.join(domain.removeprefix('domain/') for domain in domains)})\b", re.I)
        spoken = [f"{path.relative_to(ROOT)}:{number}" for folder in floors.GROUND | floors.FIRST | floors.SECOND | floors.THIRD
                  for path in (ROOT / "src" / folder).rglob("*.[ch]pp")
                  for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if word.search(line.partition("//")[0])]
        self.assertEqual(spoken, [])

    def test_names_are_terms_and_no_images(self):
        images = re.compile(r"told_|\btold\(|\bin vain\b|\b(woken|fallen|heirs?|stir(s|red)?)\b")
        found = [f"{path.relative_to(ROOT)}:{number}" for path in (ROOT / "src").rglob("*.*")
                 for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if images.search(line)]
        self.assertEqual(found, [])

    def test_ci_runs_the_tests_where_the_image_is_built(self):
        workflow = read(".github/workflows/ci.yml")
        self.assertIn("- run: ./dev test\n", workflow)
        self.assertIn(f"image: {re.search('FROM (debian:[0-9]+)', read('Dockerfile')).group(1)}\n", workflow)

    def test_scripts_are_executable_and_parse(self):
        for name in ("dev", ".ci/run", "tests/run.py"):
            self.assertTrue(os.access(ROOT / name, os.X_OK), name)
        output("bash", "-n", "dev")
        early = re.compile(r"[^|]\|\s*(grep (-\w+ )*-\w*q|head)\b")  # under pipefail, who leaves a pipe early fails who writes into it
        self.assertEqual([line for line in read("dev").splitlines() if early.search(line)], [])
        output("sh", "-n", ".ci/run")


if __name__ == "__main__":
    unittest.main()

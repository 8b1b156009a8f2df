"""The tree is built with whatever clang and linker are there, and `dev` says what is missing."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPILER = shutil.which(re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", (ROOT / "build/release/CMakeCache.txt").read_text(encoding="utf-8"), re.M).group(1))

# A clang that knows no lld, and one that is too old.
WITHOUT_LLD = f'#!/bin/sh\ncase "$*" in *-fuse-ld=*) echo "invalid linker name" >&2; exit 1;; esac\nexec {COMPILER} "$@"\n'
TOO_OLD = "#!/bin/sh\necho 14.0.6\n"


class Tools(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.path = self.folder / "bin"
        self.path.mkdir()

    def tools(self, *commands, **scripts):
        """PATH holds these commands of the machine and these scripts, nothing else."""
        for name in commands:
            (self.path / name).symlink_to(shutil.which(name))
        for name, text in scripts.items():
            script = self.path / name.replace("clangxx", "clang++").replace("_", "-")
            script.write_text(text)
            script.chmod(0o755)

    def run_with_path(self, *command):
        variables = {name: value for name, value in os.environ.items() if name not in ("CXX", "CC")}
        return subprocess.run(command, cwd=ROOT, env={**variables, "PATH": str(self.path)}, capture_output=True, text=True, check=False)

    def configured(self):
        """The compiler and the linker flags of a tree that is configured now."""
        done = self.run_with_path("cmake", "--preset", "release", "-B", str(self.folder / "build"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        cache = (self.folder / "build/CMakeCache.txt").read_text(encoding="utf-8")
        rules = (self.folder / "build/build.ninja").read_text(encoding="utf-8")
        return pathlib.Path(re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.M).group(1)).name, set(re.findall(r"-fuse-ld=\S+", rules))

    def test_a_plain_clang_without_lld_is_enough(self):
        self.tools("cmake", "ninja", "pkg-config", "gzip", "ld", clangxx=WITHOUT_LLD)
        self.assertEqual(self.configured(), ("clang++", set()))

    def test_a_clang_that_is_too_old_is_passed_over(self):
        self.tools("cmake", "ninja", "pkg-config", "gzip", "ld", clangxx=TOO_OLD, clangxx_17=WITHOUT_LLD)
        self.assertEqual(self.configured(), ("clang++-17", set()))

    def test_where_there_is_no_apt_dev_names_what_is_missing_and_only_that(self):
        self.tools("bash", "dirname", "sed", "grep", "env", clangxx=WITHOUT_LLD)
        said = self.run_with_path("bash", "dev", "run").stderr
        for missing in ("cmake (cmake)", "ninja-build (ninja)", "pkg-config (pkg-config)", "clang must be 16 or newer"):
            self.assertIn(missing, said)
        for there in ("clang-", "lld-", "libfmt-dev", "libasio-dev"):
            self.assertNotIn(there, said)

    def test_where_there_is_no_clang_dev_says_so(self):
        self.tools("bash", "dirname", "sed", "grep", "env", clangxx=TOO_OLD)
        self.assertIn("clang-19 (clang)", self.run_with_path("bash", "dev", "run").stderr)


if __name__ == "__main__":
    unittest.main()

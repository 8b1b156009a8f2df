"""Every commit since this check says in its subject where it works and what it does."""
import pathlib
import subprocess
import tempfile
import unittest

import commits

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Subjects(unittest.TestCase):
    def test_the_commits_of_this_tree_are_named_by_folder_and_imperative(self):
        subjects, reason = commits.since(ROOT, "tests/ground/commits.py")
        if reason:
            self.skipTest(f"COMMIT SUBJECTS WERE NOT CHECKED: {reason}")
        allowed = commits.places(commits.git(ROOT, "ls-files").splitlines())
        self.assertEqual([f"{subject}: {found}" for subject in subjects if (found := commits.problem(subject, allowed))], [])

    def test_what_is_no_place_no_imperative_or_too_long_is_found(self):
        allowed = commits.places(["src/store/journal/file.cpp", "src/domain/progress/model.cpp", ".ci/run", "README.md", "tests/ground/commits.py"])
        self.assertLessEqual({"src", "store", "journal", "progress", "ci", "readme", "tests", "ground"}, allowed)
        for subject in ("store: keep an event once", "journal: feed the reader", "progress: embed the page", "readme: pass over what is no key",
                        "store: proceed, and say so", "ci: bring the jars", "store, tests: keep an event once"):
            self.assertIsNone(commits.problem(subject, allowed), subject)
        for subject in ("keep an event once", "cellar: keep an event", "store, cellar: keep an event", "store:keep", "store: " + "keep " * 15, "store: added a row",
                        "store: adding a row", "store: adds a row", "store: the row is kept", "store: Fixes a row"):
            self.assertIsNotNone(commits.problem(subject, allowed), subject)


class Range(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name, "tree")
        self.root.mkdir()

    def git(self, *command):
        subprocess.run(["git", "-C", self.root, "-c", "user.name=T", "-c", "user.email=t@example.org", *command], capture_output=True, check=True)

    def commit(self, subject, file):
        (self.root / file).write_text(subject)
        self.git("add", file)
        self.git("commit", "-m", subject)

    def test_it_begins_with_the_commit_that_added_the_check(self):
        self.git("init", "-q")
        self.commit("wrong before", "a")
        self.assertEqual(commits.since(self.root, "check"), (None, "check is not committed yet"))
        self.commit("the check itself", "check")
        self.commit("after it", "a")
        self.assertEqual(commits.since(self.root, "check"), (["after it", "the check itself"], None))

    def test_a_clone_that_lacks_the_beginning_and_a_tree_without_git_say_so(self):
        self.git("init", "-q")
        for number, file in enumerate(["a", "check", "b", "c"]):
            self.commit(f"commit {number}", file)
        self.git("clone", "-q", "--depth", "2", f"file://{self.root}", self.root / "clone")
        self.assertIn("shallow", commits.since(self.root / "clone", "check")[1])
        self.git("clone", "-q", "--depth", "3", f"file://{self.root}", self.root / "deep")
        self.assertIn("shallow", commits.since(self.root / "deep", "check")[1])
        (self.root / "sub").mkdir()
        self.assertEqual(commits.since(self.root / "sub", "check"), (None, "no git repository here"))
        self.assertEqual(commits.since(self.root.parent, "check"), (None, "no git repository here"))


if __name__ == "__main__":
    unittest.main()

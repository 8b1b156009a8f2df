"""What the documents say of the tree is there: files, headings, commands, keys, metrics; and the README stays short."""
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("STEPCAST_BIN", str(ROOT / "build/release/stepcast"))
DOCUMENTS = sorted(path for pattern in ("*.md", "docs/**/*.md", "deploy/*.md", "src/**/*.md", "web/**/*.md", "tests/**/*.md", ".github/**/*.md")
                   for path in ROOT.glob(pattern) if "node_modules" not in path.parts)
GUIDES = [path for path in DOCUMENTS if path.parent in (ROOT, ROOT / "docs") and path.name != "CHANGELOG.md"]


def output(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def anchors(path):
    """The names under which a document's headings can be reached, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*?) *$", re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(path):
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text(encoding="utf-8"))) if "://" not in target]


def broken(path, target):
    """What is wrong with a relative link of a document, or nothing."""
    name, _, anchor = target.partition("#")
    file = path.parent / name if name else path
    if not file.exists():
        return f"{target}: no such file"
    if anchor and anchor not in anchors(file):
        return f"{target}: no such heading"
    return None


def fragments(path):
    """What stands in a document's fences and backticks."""
    return re.findall(r"^```\w*\n(.*?)^```|`([^`\n]*)`", path.read_text(encoding="utf-8"), flags=re.M | re.S)


class Documents(unittest.TestCase):
    def each(self, documents, find):
        found = [f"{path.relative_to(ROOT)}: {what}" for path in documents for what in find(path)]
        self.assertEqual(found, [])

    def code(self, path):
        return "\n".join(fence or inline for fence, inline in fragments(path))

    def test_the_readme_can_be_read_at_once(self):
        self.assertLessEqual(len((ROOT / "README.md").read_text(encoding="utf-8").split()), 900)

    def test_every_relative_link_leads_to_a_file_and_a_heading(self):
        self.assertGreater(sum(len(links(path)) for path in DOCUMENTS), 30)
        self.each(DOCUMENTS, lambda path: filter(None, (broken(path, target) for target in links(path))))

    def test_a_link_that_leads_nowhere_is_found(self):
        readme = ROOT / "README.md"
        self.assertIsNone(broken(readme, "#guarantees"))
        self.assertIsNone(broken(readme, "docs/operations.md#producers-and-their-partitioners"))
        self.assertIn("file", broken(readme, "docs/nothing.md"))
        self.assertIn("heading", broken(readme, "docs/operations.md#nothing"))

    def test_the_commands_that_are_named_exist(self):
        helped = set(re.findall(r"^\./dev (\S+)", output("./dev", "help"), re.M)) | {"tsan", "help"}
        commands = set(re.findall(r"^  ([a-z][\w-]+)\s", output(BINARY, "--help").partition("Subcommands:")[2], re.M))
        self.each(GUIDES, lambda path: {f"./dev {name}" for name in re.findall(r"\./dev ([a-z][\w-]*)", self.code(path))} -
                  {f"./dev {name}" for name in helped})
        self.each(GUIDES, lambda path: {f"stepcast {name}" for name in re.findall(r"(?:^|/)stepcast ([a-z][\w-]+)", self.code(path), re.M)} -
                  {f"stepcast {name}" for name in commands})

    def test_the_keys_that_are_named_exist(self):
        text = output(BINARY, "check-config", "--defaults")
        keys, section = set(), ""
        for line in text.splitlines():
            section = line.strip("[]") if line.startswith("[") else section
            if " = " in line and not line.startswith("#"):
                keys.add(f"{section}.{line.split()[0]}")
        sections = {key.partition(".")[0] for key in keys}
        wanted = re.compile(rf"(?<![\w./-])(?:{'|'.join(sections)})\.[a-z_]+(?![\w./(-])")
        others = {"kafka.properties", "store.hpp", "bus.hpp", "progress.example", "http.route"}
        self.each(GUIDES, lambda path: {key for key in wanted.findall(self.code(path))} - keys - others)

    def test_the_files_that_are_named_exist(self):
        named = re.compile(r"(?<![\w/])((?:src/|tests/|docs/)?(?:[\w.-]+/)+[\w.-]+\.(?:[ch]pp|py|txt|mjs))(?![\w/])")
        self.each(GUIDES, lambda path: {name for name in named.findall(re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"),
                                                                              flags=re.M | re.S))
                                        if "NAME" not in name and not (ROOT / name).exists() and not (ROOT / "src" / name).exists()
                                        and not (path.parent / name).exists()})

    def test_the_functions_that_are_named_stand_in_the_files_that_are_named_beside_them(self):
        tables = "".join(line for line in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines(True) if line.startswith("|"))
        lost = [f"{names} in {file}" for names, file in re.findall(r"((?:`[\w:]+`(?:, | and )?)+) in `([\w./]+)`", tables)
                for name in re.findall(r"`([\w:]+)`", names)
                if not re.search(rf"\b{name.rpartition('::')[2]}\(", (ROOT / "src" / file).read_text(encoding="utf-8"))
                or name.partition("::")[0] not in (ROOT / "src" / file).read_text(encoding="utf-8")]
        self.assertGreater(len(re.findall(r"` in `", tables)), 8)
        self.assertEqual(lost, [])

    def test_the_patterns_and_their_tests_stand_where_the_document_says(self):
        text = (ROOT / "docs/patterns.md").read_text(encoding="utf-8")
        places = re.findall(r"`(\w+)` in `([\w./]+)`", text)
        tests = re.findall(r"`(tests/[\w./]+): (\w+)`", text)
        self.assertGreater(min(len(places), len(tests)), 15)
        self.assertEqual([(name, file) for name, file in places
                          if not re.search(rf"\b(class|struct) {name}\b(?! *;)", (ROOT / "src" / file).read_text(encoding="utf-8"))], [])
        self.assertEqual([(file, name) for file, name in tests
                          if not re.search(rf"(\bdef |, ){name}[()]", (ROOT / file).read_text(encoding="utf-8"))], [])

    def test_the_metrics_that_are_named_exist(self):
        source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("src/**/*.cpp"))
        known = set(re.findall(r"\bstepcast_[a-z_]+", source))
        self.assertGreater(len(known), 30)
        self.each([path for path in GUIDES if path.name in ("README.md", "operations.md", "SECURITY.md", "protocol.md")],
                  lambda path: set(re.findall(r"\bstepcast_[a-z_]+", path.read_text(encoding="utf-8"))) - known)


if __name__ == "__main__":
    unittest.main()

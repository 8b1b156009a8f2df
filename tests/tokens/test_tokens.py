"""Tokens of issuers that others wrote, judged by `stepcast token inspect`, ours read by one of them, and Wycheproof's signatures.

STEPCAST_TOKENS_PYTHON names the Python that has requirements.txt (default: build/tokens/bin/python).
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from streams import ENVIRONMENT, LIMIT_S, servers  # noqa: E402

PYTHON = os.environ.get("STEPCAST_TOKENS_PYTHON", str(servers.ROOT / "build/tokens/bin/python"))
SIGNATURES = pathlib.Path(servers.STEPCAST).parent / "tests/signatures"


def foreign(*arguments):
    return subprocess.run([PYTHON, HERE / "issue.py", *arguments], capture_output=True, text=True, timeout=LIMIT_S, check=False)


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        issued = foreign("tokens")
        if issued.returncode != 0:
            raise AssertionError(issued.stderr)
        cls.issued = json.loads(issued.stdout)
        (cls.folder / "keys.jwks").write_text(json.dumps(cls.issued["jwks"]))

    def stepcast(self, *arguments, token=""):
        return subprocess.run([servers.STEPCAST, *arguments], capture_output=True, text=True, timeout=LIMIT_S, cwd=self.folder,
                              env={**ENVIRONMENT, "STEPCAST_TOKEN": token}, check=False)

    def judged(self, keys, cases):
        """(case, said) of each; several at a time."""
        settings = [word for setting in (f"auth.keys={json.dumps(keys)}", 'auth.issuers=["https://id.example"]',
                                         'auth.audiences=["stepcast"]') for word in ("--set", setting)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(zip(cases, pool.map(lambda case: self.stepcast("token", "inspect", *settings, token=case["token"]), cases)))

    def test_tokens_of_foreign_issuers_are_accepted_and_refused_rightly(self):
        for case, done in self.judged(["keys.jwks"], self.issued["cases"]):
            with self.subTest(case["name"]):
                said = done.stdout.splitlines()[-1]
                self.assertEqual(done.returncode, 0 if case["good"] else 1, done)
                self.assertTrue(said.startswith("accepted as ada, with publish, until" if case["good"] else "refused: "), said)

    def test_keys_as_pem_do_the_same(self):
        for name, pem in self.issued["pem"].items():
            (self.folder / f"{name}.pem").write_text(pem)
        for library in ("joserfc", "jwcrypto"):
            names = [name for name in self.issued["pem"] if name.startswith(library)]
            cases = [case for case in self.issued["cases"] if case["name"].partition(":")[0] in names]
            self.assertEqual(len(cases), 6 * len(names))
            for case, done in self.judged([f"{name}.pem" for name in names], cases):
                with self.subTest(case["name"]):
                    self.assertEqual(done.returncode, 0 if case["good"] else 1, done)

    def test_the_settings_of_the_documents_fit_the_providers_tokens(self):
        text = (servers.ROOT / "docs/security.md").read_text(encoding="utf-8")
        settings = dict(re.findall(r"^\*\*([\w ]+)\.\*\* .*?^```toml\n(.*?)^```", text, re.M | re.S))
        self.assertEqual(set(settings), set(self.issued["providers"]))
        for name, token in self.issued["providers"].items():
            with self.subTest(name):
                (self.folder / "provider.toml").write_text(re.sub(r"keys = .*", 'keys = ["keys.jwks"]', settings[name], count=1))
                done = self.stepcast("token", "inspect", "--config", "provider.toml", token=token)
                self.assertIn("accepted as ada, with publish, until ", done.stdout)

    def test_a_foreign_library_reads_our_tokens(self):
        for algorithm in ("HS256", "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"):
            with self.subTest(algorithm):
                name = f"ours-{algorithm}"
                self.assertEqual(self.stepcast("token", "keygen", name, "--alg", algorithm).returncode, 0)
                secret = algorithm.startswith("HS")
                made = self.stepcast("token", "new", "--key", name + (".secret" if secret else ".pem"), "--alg", algorithm, "--sub", "ada",
                                     "--aud", "a", "--aud", "b", "--scope", "publish", "--ttl", "5m")
                key = self.folder / (name + (".secret" if secret else ".pub.pem"))
                read = foreign("check", made.stdout.strip(), str(key), algorithm)
                self.assertEqual(read.returncode, 0, read.stderr)
                read = json.loads(read.stdout)
                self.assertEqual(read["header"], {"alg": algorithm, "typ": "JWT", "kid": name})
                self.assertEqual({**read["claims"], "iat": 0, "exp": read["claims"]["exp"] - read["claims"]["iat"]},
                                 {"sub": "ada", "scope": "publish", "aud": ["a", "b"], "iat": 0, "exp": 300})

    def test_signatures_of_wycheproof_are_judged_as_it_says(self):
        vectors = foreign("signatures").stdout.splitlines()
        said = subprocess.run([SIGNATURES], input="\n".join(vectors), capture_output=True, text=True, timeout=LIMIT_S, check=True)
        counts, wrong = collections.Counter(), []
        for vector, judged in zip(vectors, said.stdout.splitlines(), strict=True):
            algorithm, *_, expected = vector.split()
            counts[algorithm] += 1
            if expected != "acceptable" and judged != expected:
                wrong.append((algorithm, expected, judged, vector[-200:]))
        self.assertEqual(wrong, [])
        self.assertEqual(set(counts), {"ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"})
        self.assertGreater(sum(counts.values()), 2000)


if __name__ == "__main__":
    unittest.main()

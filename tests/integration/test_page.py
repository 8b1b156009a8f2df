"""The files of the page as clients are sent them: plain, or compressed to who asks for that."""
import gzip
import http.client
import subprocess
import unittest

from streams import LIMIT_S, servers

WEB = servers.ROOT / "web"


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.stepcast("shop.enabled=true")  # its pages are files like the others

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def ask(self, target, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=LIMIT_S)
        self.addCleanup(connection.close)
        connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def test_every_file_is_the_same_with_and_without_compression(self):
        for path in sorted(path for path in WEB.iterdir() if path.suffix != ".md"):
            with self.subTest(path.name):
                _, body, plain = self.ask(f"/{path.name}")
                self.assertEqual(body, path.read_bytes())
                self.assertNotIn("Content-Encoding", plain)
                status, packed, coded = self.ask(f"/{path.name}", Accept_Encoding="gzip, deflate, br")
                self.assertEqual(status, 200)
                if len(body) > 1000:
                    self.assertEqual(coded["Content-Encoding"], "gzip")
                if "Content-Encoding" in coded:
                    self.assertLess(len(packed), len(body))
                    self.assertEqual(gzip.decompress(packed), body)
                    self.assertNotEqual(coded["ETag"], plain["ETag"])
                    self.assertEqual((plain["Vary"], coded["Vary"]), ("Accept-Encoding", "Accept-Encoding"))
                    self.assertEqual(coded["Content-Type"], plain["Content-Type"])

    def test_the_element_costs_a_page_what_is_promised(self):
        _, packed, _ = self.ask("/stepcast.js", Accept_Encoding="gzip")
        self.assertLessEqual(len(packed), 6000)

    def test_head_and_conditions_hold_for_each_encoding(self):
        for accepted in ("identity", "gzip"):
            with self.subTest(accepted):
                _, body, headers = self.ask("/", Accept_Encoding=accepted)
                status, nothing, of_head = self.ask("/", "HEAD", Accept_Encoding=accepted)
                self.assertEqual((status, nothing, of_head["Content-Length"], of_head["ETag"]), (200, b"", str(len(body)), headers["ETag"]))
                self.assertEqual(of_head.get("Content-Encoding"), headers.get("Content-Encoding"))
                status, nothing, of_same = self.ask("/", Accept_Encoding=accepted, If_None_Match=headers["ETag"])
                self.assertEqual((status, nothing, of_same["ETag"], of_same["Vary"]), (304, b"", headers["ETag"], "Accept-Encoding"))
                other = "identity" if accepted == "gzip" else "gzip"
                self.assertEqual(self.ask("/", Accept_Encoding=other, If_None_Match=headers["ETag"])[0], 200)

    def test_curl_reads_it(self):
        done = subprocess.run(["curl", "-sS", "--compressed", f"{self.server.url}/stepcast.js"], capture_output=True, check=True)
        self.assertEqual(done.stdout, (WEB / "stepcast.js").read_bytes())


if __name__ == "__main__":
    unittest.main()

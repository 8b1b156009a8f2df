"""The health check, by whatever doors the settings open."""
import os
import pathlib
import tempfile
import unittest

from certificates import Certificates
from streams import servers
from test_tls_clients import run, serve


class Health(unittest.TestCase):
    def check(self, *settings):
        done = run("healthcheck", *(word for setting in settings for word in ("--set", setting)))
        self.assertEqual(done.returncode, 1 if done.stderr else 0, done)
        return done.stderr

    def test_behind_tls_the_servers_own_certificate_is_enough_whatever_its_name_and_age(self):
        with Certificates("DNS:progress.example", expired=True) as own, Certificates() as other, serve(own) as server:
            port = f"server.port={server.port}"
            self.assertEqual(self.check(port, *own.settings()), "")
            self.assertIn("not one that is trusted here", self.check(port, *other.settings()))
            self.assertIn("cannot read a certificate from /no/such", self.check(port, "server.tls_cert=/no/such", "server.tls_key=/no/such"))
            self.assertIn("not healthy", self.check(port))
            own.renew()  # the server has not read it yet
            self.assertEqual(self.check(port, *own.settings()), "")

    def test_where_proxies_begin_connections_it_speaks_as_one(self):
        for trusted in ("127.0.0.0/8", "192.0.2.1"):
            settings = ["server.proxy_header=proxy-protocol", f'server.trusted_proxies=["{trusted}"]']
            with Certificates() as own, serve(own, *settings) as server:
                self.assertEqual(self.check(f"server.port={server.port}", *own.settings(), *settings), "")

    def test_every_door_of_the_settings_is_tried_and_the_closed_one_named(self):
        with tempfile.TemporaryDirectory() as folder:
            admin, path = servers.free_port(), pathlib.Path(folder, "stepcast.sock")
            doors = [f"server.unix_socket={path}", f"server.admin_port={admin}"]
            with servers.stepcast(*doors) as server:
                port = f"server.port={server.port}"
                self.assertEqual(self.check(port, *doors), "")
                self.assertEqual(self.check("server.port=0", *doors), "")
                os.rename(path, pathlib.Path(folder, "elsewhere"))
                self.assertIn(f"{path} is not healthy", self.check(port, *doors))
                closed = servers.free_port()
                self.assertIn(f"127.0.0.1:{closed} is not healthy", self.check(port, f"server.admin_port={closed}"))
                self.assertIn("server.port is 0", self.check("server.port=0"))


if __name__ == "__main__":
    unittest.main()

"""The proxies of deploy/, each a child of this process on a free port, with a certificate that `openssl` made. The files are run as they
stand, but for ports, paths and names."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import shop  # noqa: E402
from streams import servers  # noqa: E402

DEPLOY = servers.ROOT / "deploy"
adapted = servers.deployed
NGINX = """{user}
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""
CADDY = """{
	admin off
	auto_https disable_redirects
	servers {
		protocols h1 h2
	}
}
"""
APACHE = """ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog /dev/stderr
ServerName localhost
Listen 127.0.0.1:{port}
{modules}
{user}
StartServers 1
{site}
"""
APACHE_MODULES = ("mpm_event", "authz_core", "socache_shmcb", "ssl", "http2", "proxy", "proxy_http", "headers", "alias", "asis")


class Certificate:
    """For localhost, in a folder that the proxies' own users may read."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)
        self.chain, self.key, self.both = (self.folder / name for name in ("chain.pem", "key.pem", "both.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", self.key, "-out", self.chain],
                       check=True, capture_output=True)
        self.both.write_text(self.chain.read_text() + self.key.read_text())


def as_root(text):
    return text if os.geteuid() == 0 else ""


def nginx(certificate, backend):
    port = servers.free_port()
    site = adapted("nginx.conf", ("listen 443", f"listen 127.0.0.1:{port}"), ("server 127.0.0.1:8082", f"server {backend}"),
                   ("/etc/ssl/progress.example/chain.pem", certificate.chain), ("/etc/ssl/progress.example/key.pem", certificate.key))
    config = certificate.folder / "nginx.conf"
    config.write_text(NGINX.format(user=as_root("user root;"), folder=certificate.folder, site=site))
    return servers.Server(["/usr/sbin/nginx", "-p", certificate.folder, "-c", config, "-e", "stderr"], port)


def haproxy(certificate, backend):
    port = servers.free_port()
    config = certificate.folder / f"haproxy-{port}.cfg"
    config.write_text(adapted("haproxy.cfg", ("maxconn 25000", "maxconn 1000"), ("bind :443", f"bind 127.0.0.1:{port}"), ("server one 127.0.0.1:8082", f"server one {backend}"),
                              ("/etc/haproxy/progress.example.pem", certificate.both), ("/etc/haproxy/again.http", DEPLOY / "again.http")))
    return servers.Server(["/usr/sbin/haproxy", "-db", "-f", config], port)


def haproxy_shop(certificate, ports):
    """The shop's file as it stands, before services at these ports."""
    port = servers.free_port()
    config = certificate.folder / f"haproxy-shop-{port}.cfg"
    config.write_text(shop.proxy_config(ports, ("bind :443", f"bind 127.0.0.1:{port}"), ("/etc/haproxy/progress.example.pem", certificate.both)))
    return servers.Server(["/usr/sbin/haproxy", "-db", "-f", config], port)


def caddy(certificate, backend):
    port = servers.free_port()
    config = certificate.folder / "Caddyfile"
    config.write_text(CADDY + adapted("Caddyfile", ("progress.example {", f"https://localhost:{port} {{\n\tbind 127.0.0.1"),
                                      ("127.0.0.1:8082", backend), ("/etc/caddy/chain.pem", certificate.chain),
                                      ("/etc/caddy/key.pem", certificate.key)))
    home = {name: str(certificate.folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    return servers.Server(["caddy", "run", "--adapter", "caddyfile", "--config", config], port, env=home)


def apache(certificate, backend):
    port = servers.free_port()
    again = certificate.folder / "again.asis"
    again.write_text((DEPLOY / "again.asis").read_text())
    site = adapted("apache.conf", ("*:443", f"127.0.0.1:{port}"), ("127.0.0.1:8082", backend),
                   ("/etc/apache2/stepcast/again.asis", again), ("/etc/ssl/progress.example/chain.pem", certificate.chain),
                   ("/etc/ssl/progress.example/key.pem", certificate.key))
    modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in APACHE_MODULES)
    config = certificate.folder / "apache.conf"
    config.write_text(APACHE.format(folder=certificate.folder, port=port, modules=modules, site=site,
                                    user=as_root("User www-data\nGroup www-data")))
    return servers.Server(["/usr/sbin/apache2", "-DFOREGROUND", "-f", config], port)


ALL = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy, "apache": apache}

"""Certificates as `openssl` makes them, each in a folder of its own."""
import pathlib
import ssl
import subprocess
import tempfile

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
# `openssl req` makes none that has already expired.
EXPIRED = """
[ca]
default_ca = one
[one]
database = {folder}/index
unique_subject = no
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = {names}
"""


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Certificates:
    """A self-signed one for `names`; each `renew` has another serial number."""

    def __init__(self, names="DNS:localhost", expired=False):
        self.folder = tempfile.TemporaryDirectory()
        self.names, self.expired = names, expired
        self.chain, self.key = (pathlib.Path(self.folder.name) / name for name in ("chain.pem", "key.pem"))
        self.renew()

    def renew(self):
        """The key first, as the tools that renew do: for a moment the two do not belong together."""
        key, chain = [path.with_suffix(".new") for path in (self.key, self.chain)]
        if self.expired:
            folder = pathlib.Path(self.folder.name)
            (folder / "index").touch()
            (folder / "config").write_text(EXPIRED.format(folder=folder, names=self.names))
            openssl("req", "-new", *CURVE, "-subj", "/CN=localhost", "-keyout", key, "-out", folder / "request")
            openssl("ca", "-batch", "-notext", "-config", folder / "config", "-selfsign", "-keyfile", key, "-in", folder / "request",
                    "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-out", chain)
        else:
            openssl("req", "-x509", *CURVE, "-days", "2", "-subj", "/CN=localhost", "-addext", f"subjectAltName={self.names}",
                    "-keyout", key, "-out", chain)
        for path in (key, chain):
            path.rename(path.with_suffix(".pem"))

    def serial(self):
        return ssl.PEM_cert_to_DER_cert(self.chain.read_text())

    def settings(self):
        """What makes a server show it."""
        return [f"server.tls_cert={self.chain}", f"server.tls_key={self.key}"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

"""Tokens as an issuer with a shared secret makes them, on nothing but the standard library."""
import base64
import hashlib
import hmac
import json
import time


def encoded(value):
    text = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


class Issuer:
    def __init__(self, secret=b"a secret of the tests, of more than 32 bytes"):
        self.secret = secret

    def token(self, sub, scope="", seconds=600, **claims):
        text = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}." \
               f"{encoded({'sub': sub, 'scope': scope, 'exp': int(time.time() + seconds), **claims})}"
        return f"{text}.{encoded(hmac.new(self.secret, text.encode(), hashlib.sha256).digest())}"


ISSUER = Issuer()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}

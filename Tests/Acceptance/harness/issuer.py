"""Keys of every algorithm, in every form in which they are handed out, and four makes of tools
that sign tokens with them: three libraries, and a program in Go with its own cryptography."""

import base64
import functools
import json
import secrets
import subprocess
import tempfile
import time
import warnings

import jwcrypto.jwk
import jwcrypto.jwt
import joserfc.errors
import joserfc.jwk
import joserfc.jwt
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from .secrecy import secrecy

SYMMETRIC = ["HS256", "HS384", "HS512"]
ASYMMETRIC = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
ALGORITHMS = [*SYMMETRIC, *ASYMMETRIC]

GENERATORS = {
    "RS": lambda: rsa.generate_private_key(65537, 2048),
    "PS": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Key:
    """A key for one algorithm; `name` is its `kid`."""

    def __init__(self, algorithm, name=None):
        self.algorithm, self.name = algorithm, name or f"{algorithm.lower()}-{secrets.token_hex(3)}"
        if algorithm in SYMMETRIC:
            self.secret = secrecy.remember(base64url(secrets.token_bytes(64))).encode()
            secrecy.remember(base64url(self.secret))
        else:
            generate = GENERATORS.get(algorithm) or GENERATORS[algorithm[:2]]
            self.private = generate()

    @property
    def is_symmetric(self):
        return self.algorithm in SYMMETRIC

    @functools.cached_property
    def private_pem(self):
        """What tools sign with; a secret as it is."""
        if self.is_symmetric:
            return self.secret
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @functools.cached_property
    def public_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @functools.cached_property
    def _jwcrypto(self):
        if self.is_symmetric:
            return jwcrypto.jwk.JWK(kty="oct", k=base64url(self.secret))
        return jwcrypto.jwk.JWK.from_pem(self.private_pem)

    @functools.cached_property
    def _joserfc(self):
        kinds = {"HS": "oct", "RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
        return joserfc.jwk.import_key(self.private_pem, kinds[self.algorithm[:2]])

    def jwk(self, **members):
        """As JSON (RFC 7517): the public key, or the secret. A member that is None is left out."""
        exported = self._jwcrypto.export(private_key=self.is_symmetric, as_dict=True)
        whole = {**exported, "kid": self.name, "alg": self.algorithm, "use": "sig", **members}
        return {name: value for name, value in whole.items() if value is not None}

    def mint(self, maker="PyJWT", algorithm=None, header=None, expires=3600, **claims):
        """A token; a claim or header that is None is left out."""
        now = int(time.time())
        content = {"user_id": 7, "role": "admin", "iat": now - 60, "exp": now + expires, **claims}
        head = {"kid": self.name, **(header or {})}
        token = MAKERS[maker](
            self,
            algorithm or self.algorithm,
            {name: value for name, value in content.items() if value is not None},
            {name: value for name, value in head.items() if value is not None},
        )
        return secrecy.remember(token)


def with_pyjwt(key, algorithm, claims, header):
    own = key.secret if key.is_symmetric else key.private
    return jwt.encode(claims, own, algorithm=algorithm, headers=header)


def with_joserfc(key, algorithm, claims, header):
    with warnings.catch_warnings():
        # Its authors would rather have the name Ed25519 (RFC 9864) than EdDSA.
        warnings.simplefilter("ignore", joserfc.errors.SecurityWarning)
        return joserfc.jwt.encode(
            {"alg": algorithm, **header}, claims, key._joserfc, algorithms=[algorithm]
        )


def with_jwcrypto(key, algorithm, claims, header):
    token = jwcrypto.jwt.JWT(header={"alg": algorithm, **header}, claims=claims)
    token.make_signed_token(key._jwcrypto)
    return token.serialize()


def with_jwt_command(key, algorithm, claims, header):
    """The program `jwt` of golang-jwt: the Debian package of that name."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(key.private_pem)
        file.flush()
        extra = [word for name, value in header.items() for word in ("-header", f"{name}={value}")]
        done = subprocess.run(
            ["jwt", "-alg", algorithm, "-key", file.name, *extra, "-sign", "-"],
            input=json.dumps(claims), capture_output=True, text=True, check=True, timeout=15,
        )  # fmt: skip
    return done.stdout.strip()


MAKERS = {
    "PyJWT": with_pyjwt,
    "joserfc": with_joserfc,
    "jwcrypto": with_jwcrypto,
    "jwt command": with_jwt_command,
}


@functools.cache
def key(algorithm, name=None):
    """The same one for the same name, since making them takes time."""
    return Key(algorithm, name)


def key_set(*keys):
    """A set of keys (RFC 7517, section 5): keys, or members as they are to stand there."""
    members = [one.jwk() if isinstance(one, Key) else one for one in keys]
    return json.dumps({"keys": members}).encode()


def assembled(header, claims, signature=b""):
    """A token of any header, claims (members, or octets as they are) and signature. A `signature`
    may be a function of the signing input."""
    parts = [
        base64url(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (header, claims)
    ]
    octets = signature(".".join(parts).encode()) if callable(signature) else signature
    return secrecy.remember(".".join([*parts, base64url(octets)]))

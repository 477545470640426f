"""Tokens in their thousands, without a library: signed with the keys that RFC 7515 prints.

The keys are known to everybody, so a signature may be made the cheapest way there is; to verify it
costs the gateway what any other costs."""

import base64
import dataclasses
import hashlib
import hmac
import json
import pathlib
from collections.abc import Callable


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


# RFC 7515, A.1.
SECRET = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
# RFC 7515, A.2: a modulus of 2048 bits, one of its factors, the exponent.
MODULUS = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4"
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re"
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX"
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
)
FACTOR = (
    "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5P"
    "JdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc"
)
EXPONENT = "AQAB"
# RFC 7515, A.3: a point of P-256 and its number.
POINT = (
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
)
NUMBER = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"

#: Of P-256 (SEC 2, 2.4.2): the abscissa of the base point, and the order.
BASE_X = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
#: Both factors of the modulus, and what signing by them takes (RFC 8017, 5.1.2).
FIRST = _number(FACTOR)
SECOND = _number(MODULUS) // FIRST
FIRST_EXPONENT = pow(_number(EXPONENT), -1, FIRST - 1)
SECOND_EXPONENT = pow(_number(EXPONENT), -1, SECOND - 1)
SECOND_INVERSE = pow(SECOND, -1, FIRST)
#: DigestInfo of SHA-256 (RFC 8017, 9.2).
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def _hs256(message: bytes) -> bytes:
    return hmac.digest(_decoded(SECRET), message, "sha256")


def _rs256(message: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5, by the factors apart, which is four times as fast as in one."""
    end = DIGEST_INFO + hashlib.sha256(message).digest()
    padded = int.from_bytes(b"\0\1" + b"\xff" * (256 - 3 - len(end)) + b"\0" + end, "big")
    one = pow(padded, FIRST_EXPONENT, FIRST)
    other = pow(padded, SECOND_EXPONENT, SECOND)
    step = (one - other) * SECOND_INVERSE % FIRST
    return (other + step * SECOND).to_bytes(256, "big")


def _es256(message: bytes) -> bytes:
    """With 1 for the number that has to be random: the base point is its point, and nothing but
    two multiplications is left to do."""
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    rest = (digest + BASE_X * _number(NUMBER)) % ORDER
    return BASE_X.to_bytes(32, "big") + rest.to_bytes(32, "big")


@dataclasses.dataclass(frozen=True)
class Issuer:
    """Who signs tokens of one algorithm."""

    algorithm: str
    #: What a gateway checks them with.
    key: dict[str, str]
    sign: Callable[[bytes], bytes]

    def mint(self, **claims: object) -> str:
        """A token as a login service makes them; `claims` come on top, or instead."""
        header = {"alg": self.algorithm, "typ": "JWT", "kid": "benchmark"}
        whole = {"iss": "https://auth.example.kr", "aud": "hospital", "role": "admin", **claims}
        parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, whole))
        message = ".".join(_encoded(part) for part in parts)
        return f"{message}.{_encoded(self.sign(message.encode()))}"

    def block(self, name: str, folder: pathlib.Path, *words: str) -> str:
        """The `jwt` block that believes them, its key in a file of the folder."""
        file = folder / f"{name}.jwk"
        file.write_text(json.dumps({**self.key, "kid": "benchmark"}))
        lines = [
            f"jwt {name} {{",
            f"    algorithms {self.algorithm}",
            f"    jwk file:{file}",
            "    issuer https://auth.example.kr",
            "    audience hospital",
            *(f"    {word}" for word in words),
            "}",
        ]
        return "\n".join(lines) + "\n"


ISSUERS = [
    Issuer("HS256", {"kty": "oct", "k": SECRET}, _hs256),
    Issuer("RS256", {"kty": "RSA", "n": MODULUS, "e": EXPONENT}, _rs256),
    Issuer("ES256", {"kty": "EC", "crv": "P-256", "x": POINT[0], "y": POINT[1]}, _es256),
]

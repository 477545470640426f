"""`gateway token` for keys of every kind: the token is good for PyJWT and for the gateway, and a
key that is not the rule's is said to be none."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from harness import tokens
from harness.gateway import command

CONFIGURATION = """\
listen 127.0.0.1:18443 { tls { certificate self_signed } }
jwt app {
    algorithms $algorithms
    $key
    audience   hospital
}
route / { auth app; respond 200 in }
"""

RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
#: The algorithms of each kind of key.
KINDS = {
    "rsa": RSA,
    "p256": ["ES256"],
    "p384": ["ES384"],
    "p521": ["ES512"],
    "ed25519": ["EdDSA"],
}
ALGORITHMS = [(kind, name) for kind, names in KINDS.items() for name in names]
ALL = " ".join(name for _, name in ALGORITHMS)


@pytest.fixture(scope="module")
def keys():
    return {
        "rsa": rsa.generate_private_key(65537, 2048),
        "other rsa": rsa.generate_private_key(65537, 2048),
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
        "p521": ec.generate_private_key(ec.SECP521R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
        "secp256k1": ec.generate_private_key(ec.SECP256K1()),
    }


def private_pem(key, form=serialization.PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(
        serialization.Encoding.PEM, form, encryption or serialization.NoEncryption()
    )


def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def public_jwk(key, **members):
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = jwt.algorithms.RSAAlgorithm
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = jwt.algorithms.ECAlgorithm
    else:
        algorithm = jwt.algorithms.OKPAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), **members}


def secret_jwk(secret, **members):
    text = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    return {"kty": "oct", "k": text, **members}


class Desk:
    """A folder with a configuration and keys, and `gateway token` in it."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "gateway.conf"

    def write(self, name, content):
        path = self.folder / name
        if isinstance(content, dict):
            content = json.dumps(content)
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    def configure(self, algorithms, *keys):
        text = CONFIGURATION.replace("$algorithms", algorithms).replace("$key", "; ".join(keys))
        self.file.write_text(text)

    def rule(self, key, algorithms=ALL):
        """The rule's one key is the public half of `key`."""
        self.write("public.pem", public_pem(key))
        self.configure(algorithms, "public_key file:public.pem")

    def run(self, *arguments):
        return command("token", "--config", self.file, *arguments)

    def mint(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.strip()

    def refusal(self, code, *arguments):
        """What it says when it makes no token, and nothing more."""
        done = self.run(*arguments)
        assert done.returncode == code, done.stderr
        assert done.stdout == ""
        return done.stderr


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


# Tokens that are good


@pytest.mark.parametrize("kind, algorithm", ALGORITHMS, ids=[name for _, name in ALGORITHMS])
def test_every_algorithm_is_good_for_others(desk, keys, kind, algorithm):
    desk.rule(keys[kind], algorithm)
    path = desk.write("private.pem", private_pem(keys[kind]))
    token = desk.mint("--key", path, "--user", "7", "--kid", "2026")
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "JWT", "kid": "2026"}
    claims = jwt.decode(
        token, keys[kind].public_key(), algorithms=[algorithm], audience="hospital"
    )
    assert claims["sub"] == "7"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_every_algorithm_of_secrets_is_good_for_others(desk, algorithm):
    desk.configure(algorithm, "secret env:JWT_SECRET")
    token = desk.mint("--user", "7", "--kid", "old")
    assert jwt.get_unverified_header(token)["kid"] == "old"
    jwt.decode(token, tokens.SECRET, algorithms=[algorithm], audience="hospital")


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_algorithm_that_the_key_is_for_is_taken(desk, keys, kind):
    desk.configure(
        "HS256 " + " ".join(reversed(ALL.split())), "secret env:JWT_SECRET", "jwks file:keys.json"
    )
    desk.write("keys.json", {"keys": [public_jwk(keys[each]) for each in KINDS]})
    path = desk.write("private.pem", private_pem(keys[kind]))
    header = jwt.get_unverified_header(desk.mint("--key", path))
    assert header == {"alg": KINDS[kind][-1], "typ": "JWT"}
    assert jwt.get_unverified_header(desk.mint())["alg"] == "HS256"


@pytest.mark.parametrize("algorithm", RSA)
def test_another_algorithm_can_be_asked_for(desk, keys, algorithm):
    desk.rule(keys["rsa"])
    path = desk.write("private.pem", private_pem(keys["rsa"]))
    token = desk.mint("--key", path, "--algorithm", algorithm)
    jwt.decode(token, keys["rsa"].public_key(), algorithms=[algorithm], audience="hospital")


@pytest.mark.parametrize("kind", ["rsa", "p256"])
def test_keys_may_have_the_old_form(desk, keys, kind):
    """`BEGIN RSA PRIVATE KEY` and `BEGIN EC PRIVATE KEY`."""
    desk.rule(keys[kind])
    form = serialization.PrivateFormat.TraditionalOpenSSL
    desk.mint("--key", desk.write("private.pem", private_pem(keys[kind], form)))


def test_a_secret_may_be_a_json_web_key(desk):
    secret = b"0123456789abcdef0123456789abcdef0123456789abcdef"
    path = desk.write("key.jwk", secret_jwk(secret, kid="a", alg="HS384"))
    desk.configure("HS256 HS384", "jwk file:key.jwk", "secret env:JWT_SECRET")
    token = desk.mint("--key", path)
    assert jwt.get_unverified_header(token) == {"alg": "HS384", "typ": "JWT", "kid": "a"}
    jwt.decode(token, secret, algorithms=["HS384"], audience="hospital")
    # The keys that have no name are tried then.
    assert "does not belong" in desk.refusal(2, "--key", path, "--kid", "b")


def test_a_kid_chooses_among_the_keys_of_the_rule(desk, keys):
    desk.write(
        "keys.json",
        {"keys": [public_jwk(keys["rsa"], kid="a"), public_jwk(keys["other rsa"], kid="b")]},
    )
    desk.configure("RS256", "jwks file:keys.json")
    path = desk.write("private.pem", private_pem(keys["other rsa"]))
    desk.mint("--key", path)
    desk.mint("--key", path, "--kid", "b")
    assert "does not belong" in desk.refusal(2, "--key", path, "--kid", "a")
    message = desk.refusal(2, "--key", path, "--kid", "c")
    assert "jwt 'app' has no key named 'c' for RS256" in message


def test_the_rule_may_have_its_key_in_a_certificate(desk, trusted):
    desk.configure("ES256", f"public_key file:{trusted['certificate']}")
    desk.mint("--key", trusted["key"])


async def test_the_gateway_lets_every_one_of_them_in(tmp_path, start_gateway, keys):
    desk = Desk(tmp_path)
    path = desk.write("keys.json", {"keys": [public_jwk(keys[kind]) for kind in KINDS]})
    desk.configure(ALL, f"jwks file:{path}")
    gateway = start_gateway(desk.file.read_text().replace("18443", "$https"))
    async with gateway.tls.client() as client:
        assert (await client.get("/")).status_code == 401
        for kind, algorithm in ALGORITHMS:
            private = desk.write("private.pem", private_pem(keys[kind]))
            token = desk.mint("--key", private, "--algorithm", algorithm)
            answer = await client.get("/", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200, algorithm


# Keys of nobody


def test_without_a_secret_the_message_names_the_option(desk, keys):
    desk.rule(keys["rsa"])
    message = desk.refusal(1, "--user", "7")
    assert "jwt 'app' has no 'secret'" in message
    assert "--key" in message


def test_a_key_that_is_not_the_rules_is_said_to_be_none(desk, keys):
    desk.rule(keys["rsa"], "RS256")
    path = desk.write("private.pem", private_pem(keys["other rsa"]))
    message = desk.refusal(2, "--key", path)
    assert f"{path}: the key does not belong to jwt 'app'" in message


def test_a_key_of_a_kind_that_the_rule_has_none_of_is_said_to_be_none(desk, keys):
    """The rule may sign with ES256, too, but its key for that is in another file by now."""
    desk.write("keys.json", {"keys": [public_jwk(keys["rsa"])]})
    desk.configure("RS256 ES256", "jwks file:keys.json")
    path = desk.write("private.pem", private_pem(keys["p256"]))
    assert "jwt 'app' has no key for ES256" in desk.refusal(2, "--key", path)


def test_a_key_that_is_for_another_algorithm_is_said_to_be(desk, keys):
    desk.write("keys.json", {"keys": [public_jwk(keys["rsa"], kid="a", alg="PS256")]})
    desk.configure("RS256 PS256", "jwks file:keys.json")
    path = desk.write("private.pem", private_pem(keys["rsa"]))
    message = desk.refusal(2, "--key", path, "--kid", "a")
    assert "the key named 'a' of jwt 'app' is not for RS256" in message
    desk.mint("--key", path, "--kid", "a", "--algorithm", "PS256")


def test_keys_that_would_have_to_be_fetched_are_not_looked_at(desk, keys):
    """The token is made all the same, and a note says so where it is in nobody's way."""
    desk.configure("RS256", "jwks https://issuer.invalid/keys?token=hidden")
    done = desk.run("--key", desk.write("private.pem", private_pem(keys["rsa"])))
    assert done.returncode == 0
    note = "note: not checked whether 'https://issuer.invalid/keys' has the key\n"
    assert done.stderr == note
    jwt.decode(
        done.stdout.strip(), keys["rsa"].public_key(), algorithms=["RS256"], audience="hospital"
    )


def test_claims_that_the_rule_refuses_are_a_note(desk, keys):
    """Whoever tries out refusals needs such tokens."""
    desk.rule(keys["rsa"])
    path = desk.write("private.pem", private_pem(keys["rsa"]))
    for arguments, word in [
        (["--audience", "kiosk"], "token_audience"),
        (["--claim", "exp:=1"], "token_expired"),
        (["--claim", "nbf:=4000000000"], "token_not_yet_valid"),
    ]:
        done = desk.run("--key", path, *arguments)
        assert done.returncode == 0
        assert word in done.stderr and done.stderr.startswith("note: jwt 'app' refuses")
        assert done.stdout.count(".") == 2


# Files and words that are none


PHRASE = serialization.BestAvailableEncryption(b"open sesame")
OLD = serialization.PrivateFormat.TraditionalOpenSSL
SECRET = secret_jwk(b"no secret of anybody, but long enough for it")

#: What the file holds, made from the keys, and what is said of it.
WRONG_FILES = {
    "nothing": (lambda keys: b"", "no private key"),
    "prose": (lambda keys: b"hello\n", "no private key"),
    "a public key": (lambda keys: public_pem(keys["rsa"]), "no private key"),
    "half a key": (lambda keys: private_pem(keys["rsa"])[:800], "no private key"),
    "a bent key": (
        lambda keys: private_pem(keys["rsa"]).replace(b"MII", b"MIJ", 1),
        "cannot be read",
    ),
    "a passphrase": (lambda keys: private_pem(keys["rsa"], encryption=PHRASE), "encrypted"),
    "an old passphrase": (lambda keys: private_pem(keys["rsa"], OLD, PHRASE), "encrypted"),
    "another kind": (lambda keys: private_pem(keys["p256"]), "a P-256 key cannot sign with any algorithm of"),
    "a strange curve": (lambda keys: private_pem(keys["secp256k1"]), "not supported"),
    "a private JWK": (lambda keys: jwt.algorithms.RSAAlgorithm.to_jwk(keys["rsa"]), "PEM"),
    "a secret for RSA": (lambda keys: SECRET, "a secret cannot sign with any algorithm of"),
    "a set": (lambda keys: {"keys": [SECRET, SECRET]}, "expected one secret"),
    "a set of public ones": (
        lambda keys: {"keys": [public_jwk(keys["rsa"])]},
        "expected one secret",
    ),
    "no JSON": (lambda keys: b'{"kty":', "not a JSON object"),
}


@pytest.mark.parametrize("content, word", WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_file_that_holds_no_such_key_is_said_to(desk, keys, content, word):
    desk.rule(keys["rsa"], "RS256 PS256")
    path = desk.write("private.pem", content(keys))
    message = desk.refusal(2, "--key", path)
    assert message.startswith(f"{path}: "), message
    assert word in message
    assert message.count("\n") == 1
    assert "PRIVATE KEY-----" not in message


def test_a_file_that_cannot_be_read_is_said_to(desk, keys):
    desk.rule(keys["rsa"])
    assert "no such file" in desk.refusal(2, "--key", desk.folder / "none.pem")
    assert "not a regular file" in desk.refusal(2, "--key", desk.folder)
    large = desk.write("large.pem", private_pem(keys["rsa"]) + b"\n" * 1024 * 1024)
    assert "larger than 1m" in desk.refusal(2, "--key", large)


def test_an_algorithm_that_the_rule_does_not_accept_is_said_to(desk, keys):
    desk.rule(keys["rsa"], "RS256 PS256")
    path = desk.write("private.pem", private_pem(keys["rsa"]))
    message = desk.refusal(2, "--key", path, "--algorithm", "RS512")
    assert "RS512 is not among the algorithms of jwt 'app': RS256 PS256" in message
    for word in ["none", "rs256", "HS999", ""]:
        assert "--algorithm" in desk.refusal(2, "--key", path, "--algorithm", word)


def test_an_algorithm_that_the_key_is_not_for_is_said_to(desk, keys):
    desk.rule(keys["p256"], "ES256 ES384")
    path = desk.write("private.pem", private_pem(keys["p256"]))
    message = desk.refusal(2, "--key", path, "--algorithm", "ES384")
    assert "a P-256 key cannot sign with ES384" in message


def test_a_secret_makes_no_signature_of_key_pairs(desk, keys):
    desk.write("public.pem", public_pem(keys["rsa"]))
    desk.configure("HS256 RS256", "secret env:JWT_SECRET", "public_key file:public.pem")
    message = desk.refusal(2, "--algorithm", "RS256")
    assert "a secret cannot sign with RS256" in message and "--key" in message


def test_a_public_key_of_the_rule_that_is_gone_is_an_error_of_the_configuration(desk, keys):
    desk.rule(keys["rsa"])
    desk.write("public.pem", b"")
    path = desk.write("private.pem", private_pem(keys["rsa"]))
    message = desk.refusal(1, "--key", path)
    assert f"{desk.file}:4:" in message and "public.pem" in message

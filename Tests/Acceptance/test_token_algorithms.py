"""Tokens of every algorithm, made by four makes of tools, believed with keys from every kind of
source, whichever way they come; and all those that must not be believed, each with its reason."""

import base64
import itertools
import json
import ssl
import time

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec

from harness.issuer import (
    ALGORITHMS, ASYMMETRIC, MAKERS, SYMMETRIC, assembled, base64url, key, key_set,
)  # fmt: skip
from harness.key_server import Answer, KeyServer
from harness.knock import IN, WAYS, refused
from harness.ports import free_port
from harness.waiting import together

#: Where a block may have the key of an algorithm from.
SOURCES = {
    "secret": ("secret file:$keys/{name}.secret", SYMMETRIC),
    "pem": ("public_key file:$keys/{name}.pem kid {kid}", ASYMMETRIC),
    "jwk": ("jwk file:$keys/{name}.jwk", ALGORITHMS),
    "jwks": ("jwks file:$keys/{name}.jwks", ALGORITHMS),
    "url": ("jwks https://localhost:$issuer/keys {{ ca $ca }}", ASYMMETRIC),
}

BLOCK = """
jwt {host} {{
    algorithms {algorithm}; {source}; user user_id; leeway 0s
    issuer {issuer}; audience gateway-tests; required jti; max_age 1h
}}
route {host}/ws/            {{ websocket; auth {host}; backend hospital }}
route {host}/api/sse/stream {{ events; auth {host}; backend waiting }}
route {host}/               {{ auth {host}; backend hospital }}
"""

HEAD = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
limits { attempts off }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
"""

ISSUER = "https://issuer.test/"
CLAIMS = {"iss": ISSUER, "aud": ["somebody", "gateway-tests"], "jti": "1"}


def blocks():
    for source, (words, algorithms) in SOURCES.items():
        for name in algorithms:
            host = f"{source}.{name.lower()}.test"
            written = words.format(name=name, kid=key(name).name)
            yield BLOCK.format(host=host, algorithm=name, source=written, issuer=ISSUER)


def write_keys(folder):
    for name in ALGORITHMS:
        one, another = key(name), key(name, "another")
        if one.is_symmetric:
            (folder / f"{name}.secret").write_bytes(one.secret + b"\n")
        else:
            (folder / f"{name}.pem").write_bytes(one.public_pem)
        (folder / f"{name}.jwk").write_text(json.dumps(one.jwk()))
        # As issuers have them: several keys, also of kinds that the gateway does not know.
        strange = {"kty": "AKP", "alg": "ML-DSA-44", "kid": "strange", "pub": "AA"}
        (folder / f"{name}.jwks").write_bytes(key_set(strange, another, one))


@pytest.fixture(scope="module")
def key_server(authority):
    with KeyServer(free_port(), *authority.issue("server")) as server:
        keys = key_set(*[key(name) for name in ASYMMETRIC])
        server.answers["/keys"] = Answer(keys, headers={"Cache-Control": "max-age=3600"})
        yield server


@pytest.fixture(scope="module")
def gateway(start_module_gateway, tmp_path_factory, key_server, authority, hospital, waiting):
    keys = tmp_path_factory.mktemp("keys")
    write_keys(keys)
    return start_module_gateway(
        HEAD + "".join(blocks()), hospital=hospital, waiting=waiting, keys=str(keys),
        issuer=key_server, ca=str(authority.path),
    )  # fmt: skip


def hosts(algorithm):
    return [
        f"{source}.{algorithm.lower()}.test"
        for source, (_, algorithms) in SOURCES.items()
        if algorithm in algorithms
    ]


async def expect(gateway, host, token, outcome, ways=WAYS):
    """The same outcome, whichever way the token comes."""

    async def knock(way):
        found = await WAYS[way](gateway.tls, host, token)
        assert found == outcome, f"{way} at {host}: {found}, not {outcome}"

    await together(*[knock(way) for way in ways])


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_good_token_is_let_in(gateway, algorithm, maker):
    """With the key from every source, and whichever way it comes."""
    token = key(algorithm).mint(maker, **CLAIMS)
    # Each tool begins with another way, so that all of them together try all pairs.
    ways = itertools.islice(itertools.cycle(WAYS), list(MAKERS).index(maker), None)
    places = [*zip(hosts(algorithm), ways)]
    await together(*[expect(gateway, host, token, IN, [way]) for host, way in places])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_token_without_kid_is_let_in(gateway, algorithm):
    token = key(algorithm).mint(header={"kid": None}, **CLAIMS)
    await together(*[expect(gateway, host, token, IN, ["HTTP"]) for host in hosts(algorithm)])


# What must not be believed. `foreign` is a key that the gateway has never heard of.


def foreign(algorithm):
    return key(algorithm, "foreign")


def confused(algorithm):
    """The oldest trick: an HMAC whose secret is the public key, which everybody knows."""

    def sign(octets):
        mac = hmac.HMAC(key(algorithm).public_pem, hashes.SHA256())
        mac.update(octets)
        return mac.finalize()

    return assembled({"alg": "HS256", "kid": key(algorithm).name}, claims(), sign)


def claims(**others):
    now = int(time.time())
    return {"user_id": 7, "role": "admin", "iat": now, "exp": now + 600, **CLAIMS, **others}


def signature_of(token):
    part = token.rpartition(".")[2]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def changed(token, index):
    """One bit of the signature is another."""
    octets = bytearray(signature_of(token))
    octets[index] ^= 1
    return token.rpartition(".")[0] + "." + base64url(bytes(octets))


def mint(algorithm, **options):
    return key(algorithm).mint(**{**CLAIMS, **options})


FORGERIES = {
    "another key under the same kid": (
        lambda name: foreign(name).mint(header={"kid": key(name).name}, **CLAIMS),
        "token_signature",
    ),
    "another key without a kid": (
        lambda name: foreign(name).mint(header={"kid": None}, **CLAIMS), "token_signature",
    ),
    "a kid that nobody has": (
        lambda name: foreign(name).mint(**CLAIMS), "token_unknown_key",
    ),
    "a kid that is a path": (
        lambda name: mint(name, header={"kid": "../../../../dev/null"}), "token_unknown_key",
    ),
    "a first bit that is another": (
        lambda name: changed(mint(name), 0), "token_signature",
    ),
    "a last bit that is another": (
        lambda name: changed(mint(name), -1), "token_signature",
    ),
    "no signature": (
        lambda name: mint(name).rpartition(".")[0] + ".", "token_signature",
    ),
    "algorithm none": (
        lambda name: assembled({"alg": "none"}, claims()), "token_algorithm",
    ),
    "algorithm none under a kid": (
        lambda name: assembled({"alg": "nOnE", "kid": key(name).name}, claims()),
        "token_algorithm",
    ),
    "algorithm none with a signature": (
        lambda name: assembled({"alg": "none"}, claims(), signature_of(mint(name))),
        "token_algorithm",
    ),
    "a sibling of the algorithm": (
        lambda name: key(name).mint(algorithm=SIBLINGS[name], **CLAIMS), "token_algorithm",
    ),
    "the algorithm in small letters": (
        lambda name: assembled({"alg": name.lower()}, claims(), b"x" * 64), "token_algorithm",
    ),
    "the key in the header (jwk)": (
        lambda name: foreign(name).mint(
            header={"kid": None, "jwk": foreign(name).jwk()}, **CLAIMS
        ),
        "token_signature",
    ),
    "an extension that must be understood (crit)": (
        lambda name: foreign(name).mint(header={"crit": ["exp"], "exp": 1}, **CLAIMS),
        "token_malformed",
    ),
    "a payload that is not encoded (b64)": (
        lambda name: assembled(
            {"alg": name, "b64": False, "crit": ["b64"]}, claims(), signature_of(mint(name))
        ),
        "token_malformed",
    ),
    "another kind of token (typ)": (
        lambda name: mint(name, header={"typ": "logout+jwt"}), "token_malformed",
    ),
}  # fmt: skip

SIBLINGS = {
    "HS256": "HS512", "HS384": "HS256", "HS512": "HS384",
    "RS256": "RS512", "RS384": "PS384", "RS512": "RS256",
    "PS256": "RS256", "PS384": "PS512", "PS512": "RS512",
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forgery_is_refused(gateway, forgery):
    """For every algorithm, with the key from every source."""
    make, word = FORGERIES[forgery]
    ways = itertools.cycle(WAYS)

    def scenarios(algorithm):
        token, sources = make(algorithm), hosts(algorithm)
        if word == "token_unknown_key":
            # A secret has no kid, so it is tried; what is behind a URL would be asked for again
            # first, which takes its time: test_key_sets.py.
            sources = [host for host in sources if not host.startswith(("secret", "url"))]
        return [expect(gateway, host, token, refused(word), [next(ways)]) for host in sources]

    # A curve has one algorithm, so a key of one has no sibling.
    algorithms = SIBLINGS if forgery == "a sibling of the algorithm" else ALGORITHMS
    await together(*[one for algorithm in algorithms for one in scenarios(algorithm)])


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
async def test_a_public_key_is_no_secret(gateway, algorithm):
    token = confused(algorithm)
    await together(
        *[expect(gateway, host, token, refused("token_algorithm")) for host in hosts(algorithm)]
    )


@pytest.mark.parametrize("member", ["jku", "x5u"])
async def test_nobody_is_asked_for_the_key_that_a_header_names(gateway, key_server, member):
    attacker = foreign("RS256")
    key_server.answers["/attacker"] = Answer(key_set(attacker))
    header = {"kid": None, member: key_server.url("/attacker")}
    token = attacker.mint(header=header, **CLAIMS)
    for host in hosts("RS256"):
        await expect(gateway, host, token, refused("token_signature"))
    assert key_server.times("/attacker") == []


async def test_the_certificate_in_a_header_counts_for_nothing(gateway, authority):
    """x5c, signed by an authority that the gateway knows."""
    attacker = foreign("ES256")
    chain, _ = authority.issue("attacker")
    der = ssl.PEM_cert_to_DER_cert(chain.read_text())
    header = {"kid": None, "x5c": [base64.b64encode(der).decode()]}
    token = attacker.mint(header=header, **CLAIMS)
    for host in hosts("ES256"):
        await expect(gateway, host, token, refused("token_signature"))


CLAIM_MISTAKES = {
    "expired": ({"exp": lambda now: now - 1}, "token_expired"),
    "expired this second": ({"exp": lambda now: now}, "token_expired"),
    "not before": ({"nbf": lambda now: now + 60}, "token_not_yet_valid"),
    "issued in the future": ({"iat": lambda now: now + 60}, "token_not_yet_valid"),
    "too old": ({"iat": lambda now: now - 3601}, "token_too_old"),
    "no age": ({"iat": None}, "token_missing_claim"),
    "another issuer": ({"iss": "https://issuer.test"}, "token_issuer"),
    "no issuer": ({"iss": None}, "token_issuer"),
    "another audience": ({"aud": "gateway"}, "token_audience"),
    "other audiences": ({"aud": ["a", "b"]}, "token_audience"),
    "no audience": ({"aud": None}, "token_audience"),
    "no id": ({"jti": None}, "token_missing_claim"),
    "an expiry that is text": ({"exp": "tomorrow"}, "token_claim"),
    "a user that is an object": ({"user_id": {"id": 7}}, "token_claim"),
    "a user with a line break": ({"user_id": "7\r\nX-Auth-Role: root"}, "token_claim"),
}


def hand_made(algorithm, content):
    """A token of any claims, since libraries refuse to make some."""
    secret = key(algorithm).secret

    def sign(octets):
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(octets)
        return mac.finalize()

    return assembled({"alg": algorithm, "kid": key(algorithm).name}, content, sign)


@pytest.mark.parametrize("mistake", CLAIM_MISTAKES)
async def test_a_claim_that_is_wrong_is_named(gateway, mistake):
    others, word = CLAIM_MISTAKES[mistake]
    now = int(time.time())
    others = {name: value(now) if callable(value) else value for name, value in others.items()}
    content = {name: value for name, value in claims(**others).items() if value is not None}
    await expect(gateway, "secret.hs256.test", hand_made("HS256", content), refused(word))


NO_TOKENS = {
    "nothing": (None, "token_missing"),
    "words": ("garbage", "token_malformed"),
    "two parts": ("a.b", "token_malformed"),
    "four parts": ("a.b.c.d", "token_malformed"),
    "empty parts": ("..", "token_malformed"),
}


@pytest.mark.parametrize("what", NO_TOKENS)
async def test_what_is_no_token_is_refused(gateway, what):
    token, word = NO_TOKENS[what]
    await expect(gateway, "jwks.es256.test", token, refused(word))


def doubled():
    now = int(time.time())
    return (
        f'{{"iss":"{ISSUER}","aud":"gateway-tests","jti":"1","iat":{now},"exp":{now + 60},'
        f'"user_id":7,"user_id":8}}'
    ).encode()


@pytest.mark.parametrize(
    "content",
    [doubled(), b"[]", b"null", b"{", b'{"a":"\xff"}', b"{}" + b" " * 9000],
    ids=["a member twice", "an array", "null", "cut", "not UTF-8", "larger than 8 KiB"],
)
async def test_a_payload_that_is_no_object_is_malformed(gateway, content):
    """Under a good signature."""
    token = hand_made("HS256", content)
    # The client that offered a subprotocol so long does not read it when it comes back.
    ways = [way for way in WAYS if len(content) < 8192 or way != "WebSocket, subprotocol"]
    await expect(gateway, "secret.hs256.test", token, refused("token_malformed"), ways)


async def test_base64_is_read_strictly(gateway):
    token = mint("HS256")
    head, body, signature = token.split(".")
    others = [f"{head}.{body}.{signature}=", f"{head}=.{body}.{signature}", f"{head}.{body} .x"]
    for other in others:
        found = await WAYS["HTTP"](gateway.tls, "secret.hs256.test", other)
        assert found == refused("token_malformed"), other


async def test_a_signature_in_another_form_is_none(gateway):
    """ES256: DER, as OpenSSL writes it, and numbers that are out of range."""
    one = key("ES256")
    other = assembled(
        {"alg": "ES256", "kid": one.name},
        claims(),
        lambda octets: one.private.sign(octets, ec.ECDSA(hashes.SHA256())),
    )
    await expect(gateway, "jwk.es256.test", other, refused("token_signature"))
    for octets in (b"\x00" * 64, b"\x00" * 63 + b"\x01", b""):
        token = assembled({"alg": "ES256", "kid": one.name}, claims(), octets)
        await expect(gateway, "jwk.es256.test", token, refused("token_signature"), ["HTTP"])


async def test_tokens_of_one_block_are_nothing_to_another(gateway):
    token = mint("ES384")
    await expect(gateway, "jwks.es256.test", token, refused("token_algorithm"))
    await expect(gateway, "jwks.es512.test", token, refused("token_algorithm"))


async def test_one_fetch_was_enough(gateway, key_server):
    """Ten blocks name the same URL, and thousands of tokens were judged by what is there."""
    token = mint("RS256")
    await expect(gateway, "url.rs256.test", token, IN)
    assert len(key_server.times("/keys")) == 1

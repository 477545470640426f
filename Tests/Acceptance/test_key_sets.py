"""Sets of keys behind a URL: issuers that are slow or away, talk nonsense, or are not who they say.
Nobody with a good token of another notices."""

import asyncio
import gzip
import statistics
import time

import pytest

from harness.blocks import NO_KEYS, at, jwks, knows
from harness.certificates import Authority
from harness.issuer import Key, base64url, key_set
from harness.key_server import Answer, KeyServer
from harness.knock import IN, WAYS
from harness.ports import free_port
from harness.waiting import BUSY, eventually, settled, together

# What goes well.


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_the_very_first_request_may_wait_for_the_keys(start_blocks, issuer, host):
    """They are on their way for half a second when it comes."""
    key = Key("ES256")
    issuer.answers["/keys"] = Answer(key_set(key), delay=0.5)
    gateway = start_blocks({"issuer": jwks(issuer, host=host)})
    token = key.mint()
    found = await asyncio.gather(*[at(gateway, "issuer", token, way) for way in WAYS])
    assert found == [IN] * len(WAYS)
    assert len(issuer.times("/keys")) == 1


async def test_a_key_that_was_published_before_it_is_used_needs_no_fetch(start_blocks, issuer):
    old, new = Key("ES256"), Key("ES256")
    issuer.answers["/keys"] = Answer(key_set(old, new))
    gateway = start_blocks({"issuer": jwks(issuer)})
    for key in (old, new, old, new):
        assert await at(gateway, "issuer", key.mint()) == IN
    assert len(issuer.times("/keys")) == 1


async def test_strangers_cause_no_fetches(start_blocks, issuer):
    """Tokens with a kid that nobody has wait for the next fetch, which comes when half a minute is
    over; nobody else does, and who does not wait to the end is forgotten."""
    key = Key("ES256")
    issuer.answers["/keys"] = Answer(key_set(key))
    gateway = start_blocks({"issuer": jwks(issuer)})
    await knows(gateway, "issuer", key)
    before = await settled(gateway.connections, "the connections")
    strangers = [asyncio.create_task(at(gateway, "issuer", Key("ES256").mint())) for _ in range(50)]
    await eventually(lambda: gateway.connections() >= before + 50, "the strangers")
    worst = 0
    for _ in range(20):
        begin = time.monotonic()
        assert await at(gateway, "issuer", key.mint()) == IN
        worst = max(worst, time.monotonic() - begin)
    assert worst < 1 + BUSY
    assert len(issuer.times("/keys")) == 1
    for stranger in strangers:
        assert not stranger.done()
        stranger.cancel()
    await asyncio.gather(*strangers, return_exceptions=True)
    await eventually(lambda: gateway.connections() < before + 5, "the strangers to be forgotten")


async def test_whoever_waits_for_a_key_does_not_hold_up_the_end(start_blocks, issuer):
    key = Key("ES256")
    issuer.answers["/keys"] = Answer(key_set(key))
    gateway = start_blocks({"issuer": jwks(issuer)})
    await knows(gateway, "issuer", key)
    before = await settled(gateway.connections, "the connections")
    stranger = asyncio.create_task(at(gateway, "issuer", Key("ES256").mint()))
    await eventually(lambda: gateway.connections() > before, "the stranger")
    begin = time.monotonic()
    # The stranger may still be saying what it wants.
    await asyncio.to_thread(gateway.finish)
    assert time.monotonic() - begin < 5 + BUSY
    assert not (await stranger).is_in


async def test_an_issuer_that_is_away_at_the_start_is_asked_again(start_blocks, issuer):
    """Soon, and no good token of others has to wait for it."""
    key, own = Key("ES256"), Key("ES256")
    issuer.answers["/own"] = Answer(key_set(own))
    with KeyServer(free_port(), *issuer.identity) as other:
        other.stop()
        gateway = start_blocks({"away": jwks(other), "there": jwks(issuer, "/own")})
        assert await at(gateway, "there", own.mint()) == IN
        begin = time.monotonic()
        assert await at(gateway, "away", key.mint()) == NO_KEYS
        assert time.monotonic() - begin < 10, "it is asked again for as long as a fetch may take"
        assert gateway.stderr.count("cannot read 'https://localhost") == 1
        other.answers["/keys"] = Answer(key_set(key))
        other.start()
        await knows(gateway, "away", key, 6)
        assert gateway.stderr.count("can be read again") == 1


# What goes badly.


def secret_key():
    return {"kty": "oct", "kid": "secret", "k": base64url(b"x" * 64), "alg": "HS256"}


def redirect(location, status=302):
    return Answer(status=status, headers={"Location": location})


#: Answers that hold no keys, and a word of the complaint about each.
USELESS = {
    "error": (lambda key: Answer(key_set(key), 500), "status 500"),
    "missing": (lambda key: Answer(key_set(key), 404), "status 404"),
    "empty": (lambda key: Answer(b""), ""),
    "no-content": (lambda key: Answer(b"", 204), "status 204"),
    "garbage": (lambda key: Answer(b"<html>maintenance</html>"), ""),
    "cut": (lambda key: Answer(key_set(key)[:-9]), ""),
    "array": (lambda key: Answer(b"[]"), ""),
    "no-keys": (lambda key: Answer(key_set()), "no key"),
    "secrets": (lambda key: Answer(key_set(secret_key())), "no"),
    "other-kinds": (lambda key: Answer(key_set({"kty": "AKP", "pub": "AA"})), "no usable key"),
    "huge": (lambda key: Answer(b" " * 100_000 + key_set(key)), "larger than 65536"),
    "endless": (
        lambda key: Answer(
            pieces=[b" " * 8192] * 100, pause=0.01, headers={"Content-Length": None}
        ),
        "larger than 65536",
    ),
    "slow": (lambda key: Answer(key_set(key), delay=30), "took too long"),
    "dripping": (
        lambda key: Answer(pieces=[b" "] * 500, pause=0.1), "took too long",
    ),
    "short": (
        lambda key: Answer(key_set(key), headers={"Content-Length": "9999"}), "",
    ),
    "zipped": (
        lambda key: Answer(gzip.compress(key_set(key)), headers={"Content-Encoding": "gzip"}),
        "compressed",
    ),
    "switched": (
        lambda key: Answer(status=101, headers={"Upgrade": "h2c", "Connection": "upgrade"}),
        "not asked for",
    ),
    "moved-nowhere": (lambda key: Answer(status=302), "without a new address"),
    "moved-to-http": (lambda key: redirect("http://localhost:1/keys"), "a URL that is not https"),
    "moved-to-file": (lambda key: redirect("file:///etc/passwd"), "a URL that is not https"),
    "moved-around": (lambda key: redirect("/moved-around"), "more than 3 times"),
    "moved-four-times": (lambda key: redirect("/hop/2"), "more than 3 times"),
}  # fmt: skip
#: And those that do.
USEFUL = {
    "good": lambda key: Answer(key_set(key)),
    "strange-type": lambda key: Answer(key_set(key), headers={"Content-Type": "text/html"}),
    "with-others": lambda key: Answer(key_set({"kty": "AKP"}, secret_key(), key)),
    "large": lambda key: Answer(b" " * 60_000 + key_set(key)),
    "in-pieces": lambda key: Answer(pieces=[bytes([octet]) for octet in key_set(key)], pause=0.001),
    "without-length": lambda key: Answer(key_set(key), headers={"Content-Length": None}),
    "moved": lambda key: redirect("/good", 301),
    "moved-thrice": lambda key: redirect("/hop/1", 307),
}


async def test_nonsense_does_no_harm(start_blocks, issuer):
    """Each block whose issuer talks nonsense has no keys; the others do not even notice."""
    key = Key("ES256")
    for name, (make, _) in USELESS.items():
        issuer.answers[f"/{name}"] = make(key)
    for name, make in USEFUL.items():
        issuer.answers[f"/{name}"] = make(key)
    for hop in range(4):
        issuer.answers[f"/hop/{hop}"] = redirect(f"/hop/{hop - 1}" if hop else "/good", 308)
    names = [*USELESS, *USEFUL]
    gateway = start_blocks(
        {name: jwks(issuer, f"/{name}", "timeout 3s; size 64k", "127.0.0.1") for name in names}
    )
    token = key.mint()

    async def is_out(name):
        assert await at(gateway, name, token) == NO_KEYS, name

    async def is_in(name):
        await knows(gateway, name, key)

    latencies, over = [], asyncio.Event()

    async def others():
        while not over.is_set():
            begin = time.monotonic()
            assert await at(gateway, "good", token) == IN
            latencies.append(time.monotonic() - begin)

    await knows(gateway, "good", key)
    watching = asyncio.create_task(others())
    await together(*map(is_out, USELESS), *map(is_in, USEFUL))
    over.set()
    await watching
    assert statistics.median(latencies) < 0.5 and max(latencies) < 3

    def complaints(name):
        lines = gateway.stderr.splitlines()
        return [text for text in lines if "cannot read" in text and f"/{name}'" in text]

    await eventually(lambda: all(map(complaints, USELESS)), "every complaint to be logged")
    for name, (_, word) in USELESS.items():
        (text,) = complaints(name)
        assert word in text
    assert not any(map(complaints, USEFUL))


async def test_many_issuers_are_asked_at_once(start_blocks, issuer):
    """Thirty of them, by name: each is there at the start, and nobody complains."""
    key, names = Key("ES256"), [f"issuer-{number}" for number in range(30)]
    for name in names:
        issuer.answers[f"/{name}"] = Answer(key_set(key))
    gateway = start_blocks({name: jwks(issuer, f"/{name}") for name in names})
    token = key.mint()
    found = await asyncio.gather(*[at(gateway, name, token) for name in names])
    assert found == [IN] * len(names)
    assert "cannot read" not in gateway.stderr


async def test_whoever_is_not_who_he_says_is_not_believed(start_blocks, authority, tmp_path):
    """Certificates of another name, another authority, another time, of nobody."""
    foreign = Authority(tmp_path, "foreign")
    identities = {
        "right": authority.issue("right"),
        "name": authority.issue("name", ["other.test"]),
        "expired": authority.issue("expired", days=-1),
        "authority": foreign.issue("authority"),
        "itself": (foreign.path, tmp_path / "foreign.key"),
    }
    key, servers = Key("ES256"), {}
    try:
        for name, identity in identities.items():
            servers[name] = KeyServer(free_port(), *identity)
            servers[name].answers["/keys"] = Answer(key_set(key))
        blocks = {name: jwks(server) for name, server in servers.items()}
        blocks["system"] = f"jwks {servers['right'].url('/keys')}"
        gateway = start_blocks(blocks)
        await knows(gateway, "right", key)

        async def is_out(name):
            assert await at(gateway, name, key.mint()) == NO_KEYS, name

        await together(*[is_out(name) for name in blocks if name != "right"])
        for name in identities.keys() - {"right"}:
            assert servers[name].asked == [], f"{name}: it was talked to"
        assert gateway.stderr.count("certificate") >= 4
    finally:
        for server in servers.values():
            server.stop()


async def test_a_redirect_is_followed_only_to_whom_the_authority_vouches_for(
    start_blocks, issuer, authority, tmp_path
):
    key = Key("ES256")
    identities = {"kin": authority.issue("kin"), "crook": Authority(tmp_path, "crook").issue("it")}
    with (
        KeyServer(free_port(), *identities["kin"]) as kin,
        KeyServer(free_port(), *identities["crook"]) as crook,
    ):
        for name, other in (("kin", kin), ("crook", crook)):
            other.answers["/keys"] = Answer(key_set(key))
            issuer.answers[f"/{name}"] = redirect(other.url("/keys"))
        gateway = start_blocks({name: jwks(issuer, f"/{name}") for name in ("kin", "crook")})
        await knows(gateway, "kin", key)
        assert await at(gateway, "crook", key.mint()) == NO_KEYS
        assert crook.asked == []


async def test_a_reload_asks_nobody_again(start_blocks, issuer):
    """What is known stays known."""
    key = Key("ES256")
    issuer.answers["/keys"] = Answer(key_set(key))
    gateway = start_blocks({"issuer": jwks(issuer)})
    await knows(gateway, "issuer", key)
    text = gateway.file.read_text()
    for round in range(3):
        issuer.answers["/keys"] = Answer(status=500)
        gateway.configure(text + f'route /round {{ respond 200 "{round}" }}\n')
        gateway.reload()

        async def arrived():
            async with gateway.tls.client() as client:
                return (await client.get("/round")).text == str(round)

        await eventually(arrived, "the new configuration")
        assert await at(gateway, "issuer", key.mint()) == IN
    assert len(issuer.times("/keys")) == 1

"""Keys that change: issuers that rotate them, are away, or talk nonsense; files that are written
anew. Nobody with a good token notices."""

import asyncio
import gzip
import itertools
import json
import statistics
import time

import pytest

from harness.certificates import Authority
from harness.issuer import Key, base64url, key_set
from harness.key_server import Answer, KeyServer
from harness.knock import IN, WAYS, refused, via_http
from harness.ports import free_port
from harness.waiting import eventually, settled, together

HEAD = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
limits { attempts off }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
"""
BLOCK = """
jwt {name} {{ algorithms ES256; user user_id; {words} }}
route {name}.test/ws/            {{ websocket; auth {name}; backend hospital }}
route {name}.test/api/sse/stream {{ events; auth {name}; backend waiting }}
route {name}.test/               {{ auth {name}; backend hospital }}
"""
UNKNOWN = refused("token_unknown_key")
#: There has never been a key: the fault is not the client's.
NO_KEYS = refused("keys")
#: How long a request may wait for keys that are on their way.
SHORT = 5


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def start(start_gateway, authority, hospital, waiting):
    """`start({name: words…})`: a gateway with such blocks."""

    def start(blocks, **names):
        text = HEAD + "".join(
            BLOCK.format(name=name, words=words) for name, words in blocks.items()
        )
        return start_gateway(
            text, hospital=hospital, waiting=waiting, ca=str(authority.path), **names
        )

    return start


@pytest.fixture
def server(authority):
    with KeyServer(free_port(), *authority.issue("issuer")) as server:
        yield server


def jwks(server, path="/keys", words="", host="localhost"):
    return f"jwks {server.url(path, host)} {{ ca $ca; {words} }}"


async def at(gateway, block, token, way="HTTP"):
    return await WAYS[way](gateway.tls, f"{block}.test", token)


async def knows(gateway, block, key, patience=15):
    """Waits until tokens of that key are let in."""

    async def is_in():
        return await at(gateway, block, key.mint()) == IN

    await eventually(is_in, f"{block} to know its key", patience)


# What goes well.


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_the_very_first_request_may_wait_for_the_keys(start, server, host):
    """They are on their way for half a second when it comes."""
    key = Key("ES256")
    server.answers["/keys"] = Answer(key_set(key), delay=0.5)
    gateway = start({"issuer": jwks(server, host=host)})
    token = key.mint()
    found = await asyncio.gather(*[at(gateway, "issuer", token, way) for way in WAYS])
    assert found == [IN] * len(WAYS)
    assert len(server.times("/keys")) == 1


async def test_a_key_that_was_published_before_it_is_used_needs_no_fetch(start, server):
    old, new = Key("ES256"), Key("ES256")
    server.answers["/keys"] = Answer(key_set(old, new))
    gateway = start({"issuer": jwks(server)})
    for key in (old, new, old, new):
        assert await at(gateway, "issuer", key.mint()) == IN
    assert len(server.times("/keys")) == 1


async def test_strangers_cause_no_fetches(start, server):
    """Tokens with a kid that nobody has wait for the next fetch, which comes when half a minute is
    over; nobody else does, and who does not wait to the end is forgotten."""
    key = Key("ES256")
    server.answers["/keys"] = Answer(key_set(key))
    gateway = start({"issuer": jwks(server)})
    await knows(gateway, "issuer", key)
    before = await settled(gateway.connections, "the connections")
    strangers = [asyncio.create_task(at(gateway, "issuer", Key("ES256").mint())) for _ in range(50)]
    await eventually(lambda: gateway.connections() >= before + 50, "the strangers")
    worst = 0
    for _ in range(20):
        begin = time.monotonic()
        assert await at(gateway, "issuer", key.mint()) == IN
        worst = max(worst, time.monotonic() - begin)
    assert worst < 1
    assert len(server.times("/keys")) == 1
    for stranger in strangers:
        assert not stranger.done()
        stranger.cancel()
    await asyncio.gather(*strangers, return_exceptions=True)
    await eventually(lambda: gateway.connections() <= before + 4, "the strangers to be forgotten", 5)


async def test_whoever_waits_for_a_key_does_not_hold_up_the_end(start, server):
    key = Key("ES256")
    server.answers["/keys"] = Answer(key_set(key))
    gateway = start({"issuer": jwks(server)})
    await knows(gateway, "issuer", key)
    before = await settled(gateway.connections, "the connections")
    stranger = asyncio.create_task(at(gateway, "issuer", Key("ES256").mint()))
    await eventually(lambda: gateway.connections() > before, "the stranger")
    begin = time.monotonic()
    gateway.finish()
    assert time.monotonic() - begin < 5
    assert not (await stranger).is_in


async def test_an_issuer_that_is_away_at_the_start_is_asked_again(start, server):
    """Soon, and no good token of others has to wait for it."""
    key, own = Key("ES256"), Key("ES256")
    server.answers["/own"] = Answer(key_set(own))
    with KeyServer(free_port(), *server._identity) as other:
        other.stop()
        gateway = start({"away": jwks(other), "there": jwks(server, "/own")})
        assert await at(gateway, "there", own.mint()) == IN
        begin = time.monotonic()
        assert await at(gateway, "away", key.mint()) == NO_KEYS
        assert time.monotonic() - begin < 3, "it is asked again after a second, and that is that"
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
    "moved-nowhere": (lambda key: Answer(status=302), "to nowhere"),
    "moved-to-http": (lambda key: redirect("http://localhost:1/keys"), "something else than https"),
    "moved-to-file": (lambda key: redirect("file:///etc/passwd"), "something else than https"),
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


async def test_nonsense_does_no_harm(start, server):
    """Each block whose issuer talks nonsense has no keys; the others do not even notice."""
    key = Key("ES256")
    for name, (make, _) in USELESS.items():
        server.answers[f"/{name}"] = make(key)
    for name, make in USEFUL.items():
        server.answers[f"/{name}"] = make(key)
    for hop in range(4):
        server.answers[f"/hop/{hop}"] = redirect(f"/hop/{hop - 1}" if hop else "/good", 308)
    names = [*USELESS, *USEFUL]
    gateway = start(
        {name: jwks(server, f"/{name}", "timeout 1s; size 64k", "127.0.0.1") for name in names}
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

    def complaints():
        lines = gateway.stderr.splitlines()
        return {name: [text for text in lines if f"/{name}'" in text] for name in USELESS}

    await eventually(lambda: all(complaints().values()), "every complaint to be logged")
    for name, lines in complaints().items():
        assert len(lines) == 1, f"one line each, not {lines}"
        assert USELESS[name][1] in lines[0], lines
    assert not [text for name in USEFUL for text in gateway.stderr.splitlines() if f"/{name}'" in text]


async def test_many_issuers_are_asked_at_once(start, server):
    """Thirty of them, by name: each is there at the start, and nobody complains."""
    key, names = Key("ES256"), [f"issuer-{number}" for number in range(30)]
    for name in names:
        server.answers[f"/{name}"] = Answer(key_set(key))
    gateway = start({name: jwks(server, f"/{name}") for name in names})
    token = key.mint()
    found = await asyncio.gather(*[at(gateway, name, token) for name in names])
    assert found == [IN] * len(names)
    assert "cannot read" not in gateway.stderr


async def test_whoever_is_not_who_he_says_is_not_believed(start, authority, tmp_path):
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
        gateway = start(blocks)
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
    start, server, authority, tmp_path
):
    key = Key("ES256")
    identities = {"kin": authority.issue("kin"), "crook": Authority(tmp_path, "crook").issue("it")}
    with (
        KeyServer(free_port(), *identities["kin"]) as kin,
        KeyServer(free_port(), *identities["crook"]) as crook,
    ):
        for name, other in (("kin", kin), ("crook", crook)):
            other.answers["/keys"] = Answer(key_set(key))
            server.answers[f"/{name}"] = redirect(other.url("/keys"))
        gateway = start({name: jwks(server, f"/{name}") for name in ("kin", "crook")})
        await knows(gateway, "kin", key)
        assert await at(gateway, "crook", key.mint()) == NO_KEYS
        assert crook.asked == []


# Files.


@pytest.fixture
def files(tmp_path):
    return tmp_path


def replaced(path, octets):
    """As a careful tool writes: all at once."""
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(octets)
    fresh.replace(path)


FILES = {
    "jwks file": (lambda path: f"jwks file:{path}", key_set),
    "jwk file": (lambda path: f"jwk file:{path}", lambda key: json.dumps(key.jwk()).encode()),
    "public key": (lambda path: f"public_key file:{path}", lambda key: key.public_pem),
}


async def test_files_are_read_again_when_they_change(start, files):
    """No signal, no restart; the new key counts, the old one no more, in a few seconds."""
    paths = {what: files / what.replace(" ", "-") for what in FILES}
    old, new = Key("ES256"), Key("ES256")
    for what, (_, form) in FILES.items():
        paths[what].write_bytes(form(old))
    gateway = start({path.name: FILES[what][0](path) for what, path in paths.items()})
    await together(*[changes(gateway, paths[what], FILES[what][1], old, new) for what in FILES])
    assert gateway.stderr.count("can be read again") == len(FILES)


async def changes(gateway, path, form, old, new):
    block, token = path.name, old.mint()
    assert await at(gateway, block, token) == IN
    replaced(path, form(new))
    await knows(gateway, block, new, SHORT)
    assert not (await at(gateway, block, token)).is_in, "not even when it was let in before"
    # What is no key changes nothing; neither does a file that is gone.
    replaced(path, b"no key at all")
    await eventually(lambda: f"{path}'" in gateway.stderr, "the mistake to be reported", SHORT)
    assert await at(gateway, block, new.mint()) == IN
    path.unlink()
    # Longer than it takes to be noticed.
    await asyncio.sleep(2.5)
    assert await at(gateway, block, new.mint()) == IN
    path.write_bytes(form(old))
    await knows(gateway, block, old, SHORT)


async def test_a_token_of_a_key_that_was_just_written_is_let_in_at_once(start, files):
    """Whoever asks for a key that is not there makes the file be looked at."""
    path, old, new = files / "keys.json", Key("ES256"), Key("ES256")
    path.write_bytes(key_set(old))
    gateway = start({"file": f"jwks file:{path}"})
    assert await at(gateway, "file", old.mint()) == IN
    replaced(path, key_set(old, new))
    begin = time.monotonic()
    assert await at(gateway, "file", new.mint()) == IN
    assert time.monotonic() - begin < 1
    assert await at(gateway, "file", old.mint()) == IN


async def test_a_key_that_is_in_no_file_is_not_waited_for(start, files):
    """The file is looked at once more, which takes no time."""
    key, blocks = Key("ES256"), {}
    for what, (words, form) in FILES.items():
        path = files / what.replace(" ", "-")
        path.write_bytes(form(key))
        blocks[path.name] = words(path) + (f" kid {key.name}" if what == "public key" else "")
    gateway, strange = start(blocks), Key("ES256").mint()

    async def ask(block):
        assert await at(gateway, block, key.mint()) == IN
        begin = time.monotonic()
        assert await at(gateway, block, strange) == UNKNOWN
        assert time.monotonic() - begin < 1, block

    await together(*map(ask, blocks))


async def test_a_reload_asks_nobody_again(start, server, files):
    """What is known stays known."""
    key = Key("ES256")
    server.answers["/keys"] = Answer(key_set(key))
    gateway = start({"issuer": jwks(server)})
    await knows(gateway, "issuer", key)
    text = gateway.file.read_text()
    for round in range(3):
        server.answers["/keys"] = Answer(status=500)
        gateway.configure(text + f'route /round {{ respond 200 "{round}" }}\n')
        gateway.reload()

        async def arrived():
            async with gateway.tls.client() as client:
                return (await client.get("/round")).text == str(round)

        await eventually(arrived, "the new configuration")
        assert await at(gateway, "issuer", key.mint()) == IN
    assert len(server.times("/keys")) == 1


# What takes its time: nothing is fetched twice within 30 seconds.


class Traffic:
    """So many connections a second, each with a fresh token of the key that is in use; every
    outcome that is not as it should be is kept."""

    def __init__(self, gateway, block, rate):
        self.gateway, self.block, self.rate = gateway, block, rate
        self.key, self.strangers = None, 0
        self.count, self.bad, self.slowest = 0, [], 0.0

    async def run(self, seconds):
        begin, tasks = time.monotonic(), set()
        while (passed := time.monotonic() - begin) < seconds:
            while self.count < passed * self.rate:
                self.count += 1
                task = asyncio.create_task(self._one(self.key.mint()))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)

    async def _one(self, token):
        begin = time.monotonic()
        try:
            found = await via_http(self.gateway.tls, f"{self.block}.test", token)
        except Exception as error:
            found = error
        self.slowest = max(self.slowest, time.monotonic() - begin)
        if found != IN:
            self.bad.append((time.monotonic(), found))


def assert_quiet(times):
    assert all(b - a >= 29.9 for a, b in itertools.pairwise(times)), times


@pytest.mark.long
@pytest.mark.timeout(200)
async def test_keys_rotate_under_traffic(start, server):
    """100 connections a second. One issuer puts its new keys to use at once, at most every half
    minute; the other publishes each a minute before, while strangers ask for keys that nobody has.
    No good token is refused, and nobody is asked more often than every 30 seconds."""
    seconds = 130
    sudden, careful = [Key("ES256")], [Key("ES256"), Key("ES256")]
    server.answers["/sudden"] = Answer(key_set(*sudden), headers={"Cache-Control": "max-age=3600"})
    server.answers["/careful"] = Answer(key_set(*careful), headers={"Cache-Control": "max-age=30"})
    gateway = start({name: jwks(server, f"/{name}") for name in ("sudden", "careful")})
    at_once, ahead = Traffic(gateway, "sudden", 50), Traffic(gateway, "careful", 50)
    at_once.key, ahead.key = sudden[0], careful[0]
    over = asyncio.Event()

    async def rotate_suddenly():
        for _ in range(3):
            await asyncio.sleep(36)
            sudden.append(Key("ES256"))
            server.answers["/sudden"] = Answer(
                key_set(*sudden[-2:]), headers={"Cache-Control": "max-age=3600"}
            )
            at_once.key = sudden[-1]

    async def rotate_carefully():
        for _ in range(2):
            await asyncio.sleep(62)
            # The next one has been there for a minute; the one after that is published now.
            ahead.key = careful[-1]
            careful.append(Key("ES256"))
            server.answers["/careful"] = Answer(
                key_set(*careful[-3:]), headers={"Cache-Control": "max-age=30"}
            )

    async def ask_for_nothing():
        while not over.is_set():
            await at(gateway, "careful", Key("ES256").mint())

    strangers = [asyncio.create_task(ask_for_nothing()) for _ in range(3)]
    rotations = asyncio.gather(rotate_suddenly(), rotate_carefully())
    await asyncio.gather(at_once.run(seconds), ahead.run(seconds))
    await rotations
    over.set()
    await asyncio.gather(*strangers)
    for traffic in (at_once, ahead):
        assert traffic.count >= 0.9 * seconds * traffic.rate
        assert traffic.bad == [], f"{len(traffic.bad)} of {traffic.count}: {traffic.bad[:3]}"
    assert len(server.times("/sudden")) == 4, "the first one, and one for each rotation"
    assert_quiet(server.times("/sudden"))
    assert_quiet(server.times("/careful"))


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_a_set_is_kept_for_as_long_as_its_issuer_says(start, server):
    """Within 30 seconds and a day; what the configuration says, where the issuer says nothing."""
    key = Key("ES256")
    says = {
        "hour": ("max-age=3600", 1), "second": ("max-age=1", 3), "half-minute": ("max-age=30", 3),
        "never": ("no-store", 3), "nonsense": ("max-age=soon", 3), "for-others": ("s-maxage=1", 1),
        "nothing": (None, 1),
    }  # fmt: skip
    for name, (word, _) in says.items():
        headers = {"Cache-Control": word} if word else {}
        server.answers[f"/{name}"] = Answer(key_set(key), headers=headers)
    server.answers["/configured"] = Answer(key_set(key))
    blocks = {name: jwks(server, f"/{name}") for name in says}
    blocks["configured"] = jwks(server, "/configured", "refresh 30s")
    gateway = start(blocks)
    await asyncio.sleep(75)
    for name, (_, count) in [*says.items(), ("configured", (None, 3))]:
        times = server.times(f"/{name}")
        assert len(times) == count, f"{name}: {times}"
        assert_quiet(times)
        assert await at(gateway, name, key.mint()) == IN


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_keys_outlive_their_issuer(start, authority, server):
    """Fetched once, they stay good while it is down, answers nonsense, or withdraws everything;
    when it is back, it is asked again soon."""
    key, new = Key("ES256"), Key("ES256")
    with KeyServer(free_port(), *server._identity) as mortal:
        mortal.answers["/keys"] = Answer(key_set(key), headers={"Cache-Control": "max-age=30"})
        for name in ("error", "garbage", "slow"):
            server.answers[f"/{name}"] = Answer(
                key_set(key), headers={"Cache-Control": "max-age=30"}
            )
        blocks = {name: jwks(server, f"/{name}", "timeout 1s") for name in ("error", "garbage", "slow")}
        gateway = start({"down": jwks(mortal), **blocks})
        for name in ("down", *blocks):
            await knows(gateway, name, key)
        mortal.stop()
        server.answers["/error"] = Answer(status=503)
        server.answers["/garbage"] = Answer(b"{}")
        server.answers["/slow"] = Answer(key_set(new), delay=60)

        def all_reported():
            return gateway.stderr.count("the ones at hand stay in use") == 4

        await eventually(all_reported, "all to be missed", 45)
        for name in ("down", *blocks):
            assert await at(gateway, name, key.mint()) == IN, name
        for name in blocks:
            server.answers[f"/{name}"] = Answer(key_set(key, new))
        mortal.answers["/keys"] = Answer(key_set(key, new))
        mortal.start()
        for name in ("down", *blocks):
            await knows(gateway, name, new, 40)

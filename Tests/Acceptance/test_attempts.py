"""Who tries tokens is slowed down: so many attempts that fail, from one address. Whoever has a good
one is let in, however often others failed there."""

import asyncio
import collections
import itertools
import json
import random
import re
import time

import pytest

from harness import tokens
from harness.knock import IN, WAYS, refused, via_bearer, via_http
from harness.live import LiveSocket, LiveStream
from harness.raw import connection
from harness.secrecy import secrecy
from harness.waiting import BUSY, eventually, pace, together

#: `workers 1`: what one worker counts is exact.
CONFIGURATION = """
workers 1
log { access json stdout }
limits { $limit }
listen 127.0.0.1:$https { tls { certificate self_signed } }
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; tickets on }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
route /ws/            { websocket; auth app; backend hospital }
route /api/sse/stream { events; auth app; backend waiting }
route /ticket         { auth app; ticket }
route /admin          { auth app; roles admin; backend hospital }
route /optional/      { auth app optional; backend hospital }
route /open/          { backend hospital }
route /               { auth app; backend hospital }
"""

HOST = "localhost"
LIMITED = refused("attempts")
FORGED = tokens.mint(secret="x" * 64)

#: Each test comes from addresses of its own.
_addresses = itertools.count(10)


def new_address():
    return f"127.0.1.{next(_addresses)}"


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting):
    """Three failures at once, and one a second."""
    return start_module_gateway(
        CONFIGURATION, hospital=hospital, waiting=waiting, limit="attempts 1 burst 3"
    )


@pytest.fixture
def start(start_gateway, hospital, waiting):
    def start(limit, more=""):
        text = CONFIGURATION + more
        return start_gateway(text, hospital=hospital, waiting=waiting, limit=limit)

    return start


async def promptly(scenario):
    """`scenario(address)`; once more, from another address, if it took so long that another
    attempt was due meanwhile."""
    for last in (False, False, True):
        begin = time.monotonic()
        try:
            return await scenario(new_address())
        except AssertionError:
            if last or time.monotonic() - begin < 0.9:
                raise


async def statuses(gateway, count, address, token=FORGED, path="/echo"):
    """Of so many attempts, one after the other on one connection."""
    headers = tokens.bearer(token) if token else {}
    async with gateway.tls.client(address) as client:
        return [(await client.get(path, headers=headers)).status_code for _ in range(count)]


async def test_the_burst_is_exact(gateway):
    """Three fail as they are; the fourth is not looked at."""

    async def scenario(address):
        assert await statuses(gateway, 6, address) == [401] * 3 + [429] * 3

    await promptly(scenario)


async def test_the_default_is_twenty_a_second_and_forty_at_once(start):
    gateway = start("")

    async def scenario(address):
        begin = time.monotonic()
        found = await statuses(gateway, 80, address)
        failed = found.count(401)
        assert 40 <= failed <= 40 + 20 * (time.monotonic() - begin) + 1
        assert found[:40] == [401] * 40 and set(found) == {401, 429}
        await pace(0.5)
        pause = time.monotonic()
        failed = (await statuses(gateway, 60, address)).count(401)
        assert 9 <= failed <= 20 * (time.monotonic() - begin) + 1, f"{time.monotonic() - pause} s"

    await promptly(scenario)


async def test_every_way_is_refused_and_a_good_token_is_let_in(gateway):
    async def scenario(address):
        assert await statuses(gateway, 4, address) == [401, 401, 401, 429]
        good = tokens.mint()
        found = await asyncio.gather(
            *[
                way(gateway.tls, HOST, token, address=address)
                for way in WAYS.values()
                for token in (FORGED, good)
            ]
        )
        assert found == [LIMITED, IN] * 4

    await promptly(scenario)


async def test_behind_one_address_good_tokens_pass_while_others_guess(start):
    """Old and new ones, over all ways, and a ticket, while 65 bad tokens a second come."""
    gateway, address, over = start(""), new_address(), asyncio.Event()
    found = collections.Counter()

    async def guess():
        async with gateway.tls.client(address) as client:
            while not over.is_set():
                path = random.choice(["/echo", "/ticket", "/echo?ticket=" + "A" * 43])
                answer = await client.post(path, headers=tokens.bearer(FORGED))
                found[answer.status_code] += 1
                await pace(1 / 17)

    guessers = [asyncio.create_task(guess()) for _ in range(4)]
    try:
        await eventually(lambda: found[429] > 20, "the guessers to be over the limit")
        old = tokens.mint()
        for number in range(15):
            for token in (old, tokens.mint(user=100 + number)):
                for way in WAYS.values():
                    assert await way(gateway.tls, HOST, token, address=address) == IN
            async with gateway.tls.client(address) as client:
                answer = await client.post("/ticket", headers=tokens.bearer(old))
                assert answer.status_code == 200
                ticket = secrecy.remember(answer.json()["ticket"])
                assert (await client.get(f"/echo?ticket={ticket}")).status_code == 200
        assert set(found) == {401, 429}
    finally:
        over.set()
        await together(*guessers)


async def test_one_failure_too_many_ends_the_connection(gateway):
    """What was sent behind it is not looked at."""

    async def scenario(address):
        lines = ["GET /echo HTTP/1.1", "Host: localhost", f"Authorization: Bearer {FORGED}", "", ""]
        request = "\r\n".join(lines)
        good = request.replace(FORGED, tokens.mint())
        options = {"local_addr": (address, 0)}
        async with connection(gateway.tls, **options) as raw:
            raw.writer.write((request * 5 + good).encode())
            answers = (await asyncio.wait_for(raw.reader.read(-1), 20)).decode("latin-1")
        found = re.findall(r"HTTP/1.1 (\d+) ", answers)
        assert found == ["401"] * 3 + ["429"]
        assert answers.count("Connection: close") == 1

    await promptly(scenario)


async def test_who_is_refused_is_told_when_to_come_back(gateway):
    async def scenario(address):
        await statuses(gateway, 3, address)
        async with gateway.tls.client(address) as client:
            answer = await client.get("/echo", headers=tokens.bearer(FORGED))
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 3

    await promptly(scenario)


async def test_others_are_not_affected(gateway):
    """Other addresses, even while the first one goes on."""
    over, attacking, found = asyncio.Event(), new_address(), collections.Counter()

    async def attack():
        async with gateway.tls.client(attacking) as client:
            while not over.is_set():
                answer = await client.get("/echo", headers=tokens.bearer(FORGED))
                found[answer.status_code] += 1

    attackers = [asyncio.create_task(attack()) for _ in range(4)]
    try:
        await eventually(lambda: found[429] > 4, "the attackers to be over the limit")
        for address in ("127.0.0.1", new_address()):
            for way in WAYS.values():
                assert await way(gateway.tls, HOST, tokens.mint(), address=address) == IN
        assert await via_http(gateway.tls, HOST, tokens.mint(), address=attacking) == IN
    finally:
        over.set()
        await together(*attackers)
    assert {*found} == {401, 429}


async def test_what_lives_goes_on(gateway):
    """A connection that was let in before its address was blocked, and routes without tokens."""
    address = new_address()
    async with gateway.tls.websocket("/ws/queue/x", token=tokens.mint(), address=address) as socket:
        assert 429 in await statuses(gateway, 5, address)
        await socket.send(json.dumps({"type": "ping"}))
        assert json.loads(await socket.recv()) == {"type": "pong"}
    assert await statuses(gateway, 5, address, path="/open/echo") == [200] * 5


async def test_the_blockade_ends_by_itself(start):
    gateway, address = start("attempts 5 burst 5"), new_address()
    assert 429 in await statuses(gateway, 30, address)

    async def is_looked_at():
        return await statuses(gateway, 1, address) == [401]

    begin = time.monotonic()
    await eventually(is_looked_at, "the bad token to be told so again")
    # What was refused meanwhile did not count.
    assert time.monotonic() - begin < BUSY


#: What counts as an attempt that failed, and what does not.
COUNTED = {
    "a forged token": ("/echo", lambda: FORGED, 401),
    "an expired token": ("/echo", lambda: tokens.mint(expires=-60), 401),
    "garbage": ("/echo", lambda: "garbage", 401),
    "the wrong role": ("/admin", lambda: tokens.mint(role="patient"), 403),
    "a ticket that is none": ("/echo?ticket=" + "A" * 43, lambda: None, 401),
    "a forged token where it is optional": ("/optional/x", lambda: FORGED, 401),
}
NOT_COUNTED = {
    "no token": ("/echo", lambda: None, 401),
    "a good token": ("/echo", tokens.mint, 200),
    "a page that is not there": ("/missing", tokens.mint, 404),
    "a token where nobody asks for it": ("/open/echo", lambda: FORGED, 200),
}


@pytest.mark.parametrize("what", COUNTED)
async def test_what_counts(gateway, what):
    path, make, status = COUNTED[what]

    async def scenario(address):
        found = await statuses(gateway, 5, address, make(), path)
        assert found == [status] * 3 + [429] * 2

    await promptly(scenario)


@pytest.mark.parametrize("what", NOT_COUNTED)
async def test_what_does_not_count(gateway, what):
    path, make, status = NOT_COUNTED[what]

    async def scenario(address):
        assert await statuses(gateway, 6, address, make(), path) == [status] * 6
        assert await statuses(gateway, 4, address) == [401] * 3 + [429]

    await promptly(scenario)


async def test_websockets_count_as_well(gateway):
    async def scenario(address):
        for outcome in [refused("token_signature")] * 3 + [LIMITED]:
            assert await via_bearer(gateway.tls, HOST, FORGED, address=address) == outcome
        assert await statuses(gateway, 1, address) == [429]

    await promptly(scenario)


async def test_refreshes_count_as_well(gateway):
    """By message and by POST; whoever fails lives on, and a good token is taken at any time."""
    await promptly(lambda address: refreshes(gateway, address))


async def refreshes(gateway, address):
    options = {"controlled": True, "address": address}
    async with (
        LiveSocket(gateway.tls, HOST, tokens.mint(), **options) as socket,
        LiveStream(gateway.tls, HOST, tokens.mint(), **options) as stream,
    ):
        assert (await socket.refresh(FORGED))["error"]["details"]["reason"] == "token_signature"
        assert (await stream.refresh(FORGED)).status_code == 401
        assert (await stream.refresh(FORGED)).status_code == 401
        refused = await stream.refresh(FORGED)
        assert refused.status_code == 429 and refused.headers["Connection"] == "close"
        assert (await socket.refresh(FORGED))["error"]["code"] == 1013
        assert (await stream.refresh(tokens.mint())).status_code == 200
        assert (await socket.refresh(tokens.mint()))["type"] == "auth.refreshed"
        await socket.assert_alive()


async def test_a_flood_is_a_line_a_second(gateway):
    address = new_address()
    before, begin = len(gateway.stderr.splitlines()), time.monotonic()
    refusals = 0
    while time.monotonic() - begin < 2.5:
        refusals += (await statuses(gateway, 50, address)).count(429)
    seconds = time.monotonic() - begin
    lines = gateway.stderr.splitlines()[before:]
    assert refusals > 30
    assert 1 <= len(lines) <= seconds + 2, lines
    assert any(address in text for text in lines), lines


async def test_a_reload_forgets_no_failure(start):
    gateway, address = start("attempts 1 burst 3"), new_address()
    assert await statuses(gateway, 4, address) == [401] * 3 + [429]
    gateway.names["limit"] = "attempts 1 burst 4"
    gateway.configure(CONFIGURATION)
    gateway.reload()
    assert (await statuses(gateway, 4, address)).count(429) >= 2
    assert await statuses(gateway, 4, new_address()) == [401] * 4


async def test_off_is_no_limit(start):
    assert await statuses(start("attempts off"), 100, new_address()) == [401] * 100


async def test_clients_behind_a_proxy_are_counted_one_by_one(start):
    """`trust`: the address that the proxy names; of IPv6, a customer has a whole /64."""
    gateway = start("attempts 1 burst 3", "trust 127.0.0.0/8\n")

    async def ask(client, address, token):
        headers = {**tokens.bearer(token), "X-Forwarded-For": address}
        return (await client.get("/echo", headers=headers)).status_code

    async with gateway.tls.client() as client:
        for same, other in (
            (["192.0.2.1"] * 4, "192.0.2.2"),
            ([f"2001:db8::{last}" for last in range(4)], "2001:db8:0:1::1"),
        ):
            assert [await ask(client, address, FORGED) for address in same] == [401] * 3 + [429]
            assert await ask(client, same[0], tokens.mint()) == 200
            assert await ask(client, other, tokens.mint()) == 200

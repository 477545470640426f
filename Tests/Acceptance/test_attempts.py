"""Who tries tokens is slowed down: so many attempts that fail, from one address."""

import asyncio
import json
import time

import pytest

from harness import tokens
from harness.knock import IN, WAYS, refused, via_bearer, via_http
from harness.live import LiveSocket, LiveStream
from harness.waiting import eventually, together

#: `workers 1`: what one worker counts is exact.
CONFIGURATION = """
workers 1
log { access json stdout }
limits { attempts $limit }
listen 127.0.0.1:$https { tls { certificate self_signed } }
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; tickets on }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
route /ws/admin       { websocket; auth app; roles admin; backend hospital }
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


@pytest.fixture
def start(start_gateway, hospital, waiting):
    def start(limit):
        return start_gateway(CONFIGURATION, hospital=hospital, waiting=waiting, limit=limit)

    return start


async def statuses(gateway, count, token=FORGED, path="/echo", address=None):
    """Of so many attempts, one after the other on one connection."""
    async with gateway.tls.client(address) as client:
        return [
            (await client.get(path, headers=tokens.bearer(token))).status_code
            for _ in range(count)
        ]


async def test_the_burst_is_exact(start):
    """One a second, ten at once: ten fail as they are, the eleventh is not looked at."""
    gateway = start("1 burst 10")
    begin = time.monotonic()
    found = await statuses(gateway, 12)
    assert time.monotonic() - begin < 1, "or another one would be due"
    assert found == [401] * 10 + [429] * 2


async def test_the_default_is_twenty_a_second_and_forty_at_once(start_gateway, hospital, waiting):
    text = CONFIGURATION.replace("limits { attempts $limit }", "")
    gateway = start_gateway(text, hospital=hospital, waiting=waiting)
    begin = time.monotonic()
    found = await statuses(gateway, 80)
    failed = found.count(401)
    assert 40 <= failed <= 40 + 20 * (time.monotonic() - begin) + 1
    assert found[:40] == [401] * 40 and set(found) == {401, 429}
    await asyncio.sleep(0.5)
    assert 9 <= (await statuses(gateway, 30)).count(401) <= 18, "twenty a second"


async def test_every_way_is_refused_and_a_good_token_makes_no_difference(start):
    gateway = start("1 burst 3")
    good = tokens.mint()
    assert await statuses(gateway, 4) == [401, 401, 401, 429]
    for way in WAYS.values():
        for token in (FORGED, good):
            found = await way(gateway.tls, HOST, token)
            assert found == LIMITED
    async with gateway.tls.client() as client:
        answer = await client.get("/echo", headers=tokens.bearer(good))
    assert 1 <= int(answer.headers["retry-after"]) <= 3


async def test_others_are_not_affected(start):
    """Another address, even while the first one goes on."""
    gateway = start("1 burst 5")
    over = asyncio.Event()

    async def attack():
        async with gateway.tls.client("127.0.0.2") as client:
            while not over.is_set():
                answer = await client.get("/echo", headers=tokens.bearer(FORGED))
                assert answer.status_code in (401, 429)

    attackers = [asyncio.create_task(attack()) for _ in range(4)]
    try:
        await asyncio.sleep(0.2)
        for address in ("127.0.0.1", "127.0.0.3"):
            for way in WAYS.values():
                assert await way(gateway.tls, HOST, tokens.mint(), address=address) == IN
        assert await via_http(gateway.tls, HOST, tokens.mint(), address="127.0.0.2") == LIMITED
    finally:
        over.set()
        await together(*attackers)


async def test_what_lives_goes_on(start):
    """A connection that was let in before its address was blocked, and routes without tokens."""
    gateway = start("1 burst 3")
    async with gateway.tls.websocket("/ws/queue/x", token=tokens.mint()) as socket:
        assert 429 in await statuses(gateway, 5)
        await socket.send(json.dumps({"type": "ping"}))
        assert json.loads(await socket.recv()) == {"type": "pong"}
    async with gateway.tls.client() as client:
        assert (await client.get("/open/echo")).status_code == 200


async def test_the_blockade_ends_by_itself(start):
    gateway = start("5 burst 5")
    assert await statuses(gateway, 6) == [401] * 5 + [429]

    async def is_in():
        return await via_http(gateway.tls, HOST, tokens.mint()) == IN

    begin = time.monotonic()
    await eventually(is_in, "the good token to be let in")
    assert time.monotonic() - begin < 1
    # What was refused meanwhile did not count.
    assert await statuses(gateway, 3, tokens.mint()) == [200] * 3


#: What counts as an attempt that failed, and what does not.
COUNTED = {
    "a forged token": ("/echo", lambda: FORGED, 401),
    "an expired token": ("/echo", lambda: tokens.mint(expires=-60), 401),
    "garbage": ("/echo", lambda: "garbage", 401),
    "the wrong role": ("/admin", lambda: tokens.mint(role="patient"), 403),
    "a ticket that is none": ("/echo?ticket=" + "A" * 43, None, 401),
    "a forged token where it is optional": ("/optional/x", lambda: FORGED, 401),
}
NOT_COUNTED = {
    "no token": ("/echo", None, 401),
    "a good token": ("/echo", tokens.mint, 200),
    "a page that is not there": ("/missing", tokens.mint, 404),
    "a token where nobody asks for it": ("/open/echo", lambda: FORGED, 200),
}


async def attempt(client, path, make):
    headers = tokens.bearer(make()) if make else {}
    return (await client.get(path, headers=headers)).status_code


@pytest.mark.parametrize("what", COUNTED)
async def test_what_counts(start, what):
    path, make, status = COUNTED[what]
    gateway = start("1 burst 3")
    async with gateway.tls.client() as client:
        found = [await attempt(client, path, make) for _ in range(5)]
    assert found == [status] * 3 + [429] * 2


async def test_what_does_not_count(start):
    gateway = start("1 burst 3")
    async with gateway.tls.client() as client:
        for path, make, status in NOT_COUNTED.values():
            assert [await attempt(client, path, make) for _ in range(6)] == [status] * 6
    assert await statuses(gateway, 4) == [401] * 3 + [429]


async def test_websockets_count_as_well(start):
    gateway = start("1 burst 3")
    for _ in range(3):
        assert await via_bearer(gateway.tls, HOST, FORGED) == refused("token_signature")
    assert await via_bearer(gateway.tls, HOST, FORGED) == LIMITED
    assert await statuses(gateway, 1) == [429]


async def test_refreshes_count_as_well(start):
    """By message and by POST; whoever is blocked cannot refresh, but lives on."""
    gateway = start("1 burst 4")
    async with LiveSocket(gateway.tls, HOST, tokens.mint(), controlled=True) as socket:
        for _ in range(2):
            answer = await socket.refresh(FORGED)
            assert answer["error"]["details"]["reason"] == "token_signature"
        async with LiveStream(gateway.tls, HOST, tokens.mint(), controlled=True) as stream:
            for _ in range(2):
                assert (await stream.refresh(FORGED)).status_code == 401
            assert (await stream.refresh(tokens.mint())).status_code == 429
        answer = await socket.refresh(tokens.mint())
        assert answer["error"]["code"] == 1013
        await socket.assert_alive()


async def test_a_flood_is_a_line_a_second(start):
    gateway = start("1 burst 2")
    before, begin = len(gateway.stderr.splitlines()), time.monotonic()
    refusals = 0
    while time.monotonic() - begin < 2.5:
        refusals += (await statuses(gateway, 50)).count(429)
    seconds = time.monotonic() - begin
    lines = gateway.stderr.splitlines()[before:]
    assert refusals > 200
    assert 1 <= len(lines) <= seconds + 2, lines
    assert any("127.0.0.1" in text for text in lines), lines


async def test_off_is_no_limit(start):
    gateway = start("off")
    assert await statuses(gateway, 100) == [401] * 100


async def test_clients_behind_a_proxy_are_counted_one_by_one(start_gateway, hospital, waiting):
    """`trust`: the address that the proxy names."""
    gateway = start_gateway(
        CONFIGURATION + "trust 127.0.0.0/8\n", hospital=hospital, waiting=waiting,
        limit="1 burst 3",
    )  # fmt: skip

    async def ask(client, address, token):
        headers = {**tokens.bearer(token), "X-Forwarded-For": address}
        return (await client.get("/echo", headers=headers)).status_code

    async with gateway.tls.client() as client:
        found = [await ask(client, "192.0.2.1", FORGED) for _ in range(4)]
        assert found == [401, 401, 401, 429]
        assert await ask(client, "192.0.2.1", tokens.mint()) == 429
        assert await ask(client, "192.0.2.2", tokens.mint()) == 200
        # One customer has a whole /64.
        found = [await ask(client, f"2001:db8::{last}", FORGED) for last in range(4)]
        assert found == [401, 401, 401, 429]
        assert await ask(client, "2001:db8:0:1::1", tokens.mint()) == 200

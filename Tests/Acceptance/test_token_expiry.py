"""A token comes to its end while its bearer is connected: who is told, who is cut off, and when."""

import asyncio
import contextlib
import json
import time

import pytest
import websockets

from harness import tokens
from harness.door import ask
from harness.live import KINDS
from harness.log import line
from harness.waiting import BUSY, eventually, longer_than, together

BLOCK = """
jwt {name} {{ algorithms HS256; secret env:JWT_SECRET; user user_id; {words} }}
route {name}.test/ws/            {{ websocket; auth {name}; backend hospital }}
route {name}.test/api/sse/stream {{ events; auth {name}; backend waiting }}
"""
BLOCKS = {
    "close": "leeway 0s; expiring 2s",
    "silent": "leeway 0s; expiring off",
    "early": "leeway 0s",
    "grace": "leeway 0s; expiring 1s; on_expiry grace 2s",
    "ignore": "leeway 0s; on_expiry ignore",
    "aged": "leeway 0s; expiring off; max_age 1h",
    "lenient": "leeway 2s; expiring off",
}
CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
""" + "".join(BLOCK.format(name=name, words=words) for name, words in BLOCKS.items())

#: A connection must be over so soon after its token.
PROMPT = 1
LIFE = 3.0


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting):
    return start_module_gateway(CONFIGURATION, hospital=hospital, waiting=waiting)


@pytest.fixture
def opened(gateway, waiting_itself):
    """`opened(kind, block, token, …)`: a connection at that block's host."""

    def open(kind, block, token, **options):
        host = f"{block}.test"
        return KINDS[kind](gateway.tls, host, token, publisher=waiting_itself, **options)

    return open


def short(life=LIFE, **claims):
    """A token, and when it comes to its end."""
    token = tokens.mint(expires=life, **claims)
    return token, time.time() + life


def assert_expired(live, end):
    """The last words, and the close code, of a connection whose token has come to its end."""
    ending = live.ending
    assert ending.message["type"] == "force_disconnect", live.heard
    assert ending.message["reason"] == "token_expired", ending.message
    assert live.heard[-1] is ending.message, "nothing comes behind it"
    assert ending.code == (4001 if live.kind == "WebSocket" else None)
    assert -0.1 <= ending.when - end <= PROMPT + BUSY, f"{ending.when - end:.3f} s after its token"


# What takes seconds runs beside each other.


async def ends(opened, kind, block, controlled, delay=0.0):
    """Within a second, whether or not somebody asked to be told."""
    token, end = short()
    async with opened(kind, block, token, controlled=controlled) as live:
        await live.assert_alive()
        await live.end()
        assert_expired(live, end + delay)


async def ends_with_its_age(opened, kind):
    """`max_age 1h`: three seconds are left, although `exp` is far away."""
    end = time.time() + LIFE
    async with opened(kind, "aged", tokens.mint(iat=end - 3600)) as live:
        await live.end()
        assert_expired(live, end)


async def goes_on(opened, kind, block, token):
    async with opened(kind, block, token) as live:
        await live.assert_alive()
        await longer_than("the token, were it to end", LIFE + PROMPT + 0.5)
        await live.assert_alive()
        assert not {"force_disconnect", "token_expiring"} & set(live.types())


async def is_told(opened, kind, block, after, left):
    """So many seconds after a token of three came; once."""
    token, end = short()
    async with opened(kind, block, token, controlled=True) as live:
        session = await live.session()
        assert session["session"] == live.headers["X-Session-Id"]
        # In whole seconds, and as it was when that was said.
        rest = end - time.time()
        assert rest - 1 <= session["expires_in"] <= LIFE
        message = await live.hear("token_expiring")
        assert time.time() >= end - LIFE + after - 0.1
        # At once to who came later than that.
        assert min(left, rest) - 1.5 <= message["expires_in"] <= left, message
        await live.end()
        assert live.types().count("token_expiring") == 1


async def is_not_told(opened, kind, block, controlled):
    """Not in the words of a front end that did not ask, nor where the configuration says so."""
    token, _ = short(2.0)
    async with opened(kind, block, token, controlled=controlled) as live:
        await live.end()
        assert "token_expiring" not in live.types()
        assert ("session" in live.types()) == controlled


async def test_connections_end_with_their_tokens_and_who_asked_is_told_before(opened):
    delays = [("close", 0), ("silent", 0), ("grace", 2), ("lenient", 2)]
    # `expiring 2s`, `1s`, and a minute by default, which it is later than already.
    notices = [("close", 1, 2), ("grace", 2, 1), ("early", 0, 3)]
    await together(
        *[ends(opened, kind, *one) for kind in KINDS for one in asked_or_not(delays)],
        *[ends_with_its_age(opened, kind) for kind in KINDS],
        *[goes_on(opened, kind, "ignore", short()[0]) for kind in KINDS],
        *[goes_on(opened, kind, "close", tokens.mint()) for kind in KINDS],
        *[goes_on(opened, kind, "close", tokens.mint(exp=None)) for kind in KINDS],
        *[is_told(opened, kind, *notice) for kind in KINDS for notice in notices],
        *[is_not_told(opened, kind, "close", False) for kind in KINDS],
        *[is_not_told(opened, kind, "silent", True) for kind in KINDS],
    )


def asked_or_not(delays):
    return [(block, asked, delay) for block, delay in delays for asked in (False, True)]


async def test_a_session_without_an_end_names_none(opened):
    for kind in KINDS:
        async with opened(kind, "close", tokens.mint(exp=None), controlled=True) as live:
            assert "expires_in" not in await live.session()


async def test_the_subprotocol_is_answered_and_not_passed_on(gateway):
    token = tokens.mint()
    offers = ["gateway.v1", f"jwt.{token}"]
    path = "/ws/queue/live"
    async with gateway.tls.websocket(path, name="close.test", subprotocols=offers) as socket:
        assert socket.subprotocol == "gateway.v1"
        assert json.loads(await socket.recv())["type"] == "session"
        await socket.send('{"type":"whoami"}')
        seen = json.loads(await socket.recv())
        assert seen["subprotocols"] == []
        assert token not in json.dumps(seen)


async def test_a_stream_is_controlled_by_header_as_well(gateway):
    headers = {**tokens.bearer(tokens.mint()), "Host": "close.test", "X-Gateway-Control": "v1"}
    async with gateway.tls.events("/api/sse/stream?store_id=1", headers=headers) as events:
        first = await events.next()
        assert first.event == "session"
        message = json.loads(first.data)
        assert message["session"] == events.response.headers["X-Session-Id"]
        assert (await events.next()).event == "connected"


async def test_every_session_has_an_id_of_its_own(opened):
    seen = set()
    for kind in [*KINDS] * 2:
        async with opened(kind, "close", tokens.mint()) as live:
            seen.add(live.headers["X-Session-Id"])
    assert len(seen) == 4


async def test_the_app_is_told_the_id_and_nobody_can_make_one_up(gateway):
    headers = {**tokens.bearer(tokens.mint()), "X-Session-Id": "0" * 32}
    path = "/ws/queue/live"
    async with gateway.tls.websocket(path, name="close.test", headers=headers) as socket:
        seen = await ask(socket, {"type": "whoami"})
        own = socket.response.headers["X-Session-Id"]
    assert [value for name, value in seen["headers"] if name == "x-session-id"] == [own]


async def test_no_message_is_torn(opened):
    """The end of the token comes in the middle of the app's messages: whole ones all the same."""

    token, end = short(2.0)
    async with opened("WebSocket", "close", token) as live:
        with contextlib.suppress(websockets.ConnectionClosed):
            while live.ending is None:
                await live.send({"type": "echo", "text": "x" * 2000})
                await asyncio.sleep(0)
        await live.end()
        assert_expired(live, end)
        assert {"echo"} == {*live.types()} - {"force_disconnect"}


async def test_the_end_of_a_token_has_its_word_in_the_log(opened, gateway):
    async def ends(kind, path):
        token, _ = short(1.0)
        async with opened(kind, "silent", token, path=path) as live:
            await live.end()

    await together(
        ends("WebSocket", "/ws/queue/logged?tab=expiry-1"),
        ends("event stream", "/api/sse/stream?tab=expiry-2"),
    )
    for tab in ("expiry-1", "expiry-2"):
        entry = await line(gateway, tab)
        assert entry["reason"] == "unauthenticated"
        assert entry["detail"] == "token_expired"


async def test_the_app_is_told_that_its_client_is_gone(opened, hospital_itself):
    """Both legs end: nothing is left at the app."""
    token, _ = short(1.0)
    async with hospital_itself.client() as app:
        path = "/sockets/queue_expiring"
        async with opened("WebSocket", "silent", token, path="/ws/queue/expiring") as live:
            await live.assert_alive()
            assert (await app.get(path)).json()["open"] == 1
            await live.end()

        async def none_open():
            return (await app.get(path)).json()["open"] == 0

        await eventually(none_open, "the app to have lost its client")

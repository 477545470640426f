"""Messages of a client for the gateway itself (`gateway.v1`), however they are cut, compressed and
mixed with others, and what the gateway says between the app's."""

import asyncio
import contextlib
import json

import pytest

from harness import tokens
from harness.deflating import Speaker, words
from harness.log import assert_logged
from harness.waiting import longer_than
from harness.wire import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, dialled, switched, wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$http
limits { attempts off }
jwt own    { algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s; expiring off }
jwt told   { algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s; expiring 2s }
backend app { server 127.0.0.1:$app }
route /plain/    { auth own; backend app }
route /deflate/  { auth own; compress over 16; backend app }
route /window/   { auth own; compress over 16 context dedicated; backend app }
route /both/     { auth own; compress over 16 upstream; backend app }
route /answer/   { auth own; ping 20s answer; backend app }
route /told/     { auth told; backend app }
route /roles/    { auth own; roles admin; backend app }
route /optional/ { auth own optional; backend app }
route /open/     { backend app }
route /report/   { auth own; report_only auth; backend app }
route /stall/    { auth own; backend app }
"""
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
#: A message that is passed on in pieces.
HUGE = 1_300_000


def refresh(token, **members):
    return json.dumps({"type": "auth.refresh", "token": token, **members})


@contextlib.asynccontextmanager
async def opened(gateway, upstream, host="plain", *fields, token=None, answer=(), **claims):
    """Both ends, behind the first message of the gateway's."""
    token = tokens.mint(**claims) if token is None else token
    offers = "gateway.v1" + (f", jwt.{token}" if token else "")
    async with wired(
        gateway.plain, upstream, f"/{host}/", f"Sec-WebSocket-Protocol: {offers}", *fields,
        answer=answer,
    ) as (client, app):  # fmt: skip
        if token and host not in ("open", "report"):
            first = await client.message()
            assert json.loads(first.payload)["type"] == "session"
        yield client, app


async def said(client, controls=None):
    return json.loads((await client.message(controls)).payload)


async def refreshed(client, controls=None):
    assert (await said(client, controls))["type"] == "auth.refreshed"


KINDS = ["plain", "deflate", "window", "both", "answer"]


@pytest.mark.parametrize("host", KINDS)
async def test_a_refresh_in_pieces_with_pings_between(gateway, upstream, host):
    message = refresh(tokens.mint()).encode()
    async with opened(gateway, upstream, host) as (client, app):
        third = len(message) // 3
        pieces = [message[:third], message[third : 2 * third], b"", message[2 * third :]]
        pongs = []
        for index, piece in enumerate(pieces):
            await client.send(
                CONTINUATION if index else TEXT, piece, final=index == len(pieces) - 1
            )
            await client.send(PING, str(index))
        await client.send(TEXT, "behind")
        if host != "answer":
            for index in range(len(pieces)):
                await app.expect(PING, str(index))
        await app.hears(TEXT, "behind")
        await refreshed(client, pongs)
        assert all(pong.opcode == PONG for pong in pongs)


@pytest.mark.parametrize("host", KINDS)
async def test_a_refresh_octet_by_octet(gateway, upstream, host):
    async with opened(gateway, upstream, host) as (client, app):
        octets = client.octets(TEXT, refresh(tokens.mint()))
        await client.trickle(octets, [1] * len(octets))
        await refreshed(client)
        await client.send(TEXT, "on")
        await app.hears(TEXT, "on")


@pytest.mark.parametrize("host", ["deflate", "window", "both"])
async def test_a_compressed_refresh(gateway, upstream, host):
    async with opened(gateway, upstream, host, DEFLATE) as (client, app):
        speaker = Speaker(client)
        for cuts in ((), (5, 50, 51)):
            await speaker.say(TEXT, words(100))
            await speaker.say(TEXT, refresh(tokens.mint()), cuts)
            await app.hears(TEXT, words(100))
            await refreshed(client)
            # The window is where the client believes it to be.
            await speaker.say(TEXT, words(100))
            await app.hears(TEXT, words(100))


async def test_compression_of_the_apps_is_not_relayed(gateway, upstream):
    """Or a compressed refresh would be one more message to the app."""
    async with opened(gateway, upstream, "plain", DEFLATE) as (client, app):
        assert app.field("sec-websocket-extensions") is None
        assert client.field("sec-websocket-extensions") is None


STRANGE = {
    "binary": (BINARY, lambda token: refresh(token)),
    "a list": (TEXT, lambda token: "[" + refresh(token) + "]"),
    "another type that mentions it": (TEXT, lambda _: '{"type":"help","about":"auth.refresh"}'),
    "mentions it far behind": (TEXT, lambda _: '{"a":"' + "x" * 20_000 + '","b":"auth.refresh"}'),
    "a large message of another type": (
        TEXT, lambda _: '{"type":"log","about":"auth.refresh","lines":' + str([7] * 9_000) + "}",
    ),
    "a deep message of another type": (
        TEXT, lambda _: '{"type":"log","about":"auth.refresh","deep":[[[[[[7]]]]]]}',
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", STRANGE)
async def test_what_is_the_apps_stays_the_apps(gateway, upstream, what):
    opcode, make = STRANGE[what]
    async with opened(gateway, upstream) as (client, app):
        await client.send(opcode, make("no token at all"))
        await app.hears(opcode, make("no token at all"))


WRONG = {
    "no token": lambda token: '{"type":"auth.refresh"}',
    "a number": lambda token: '{"type":"auth.refresh","token":7}',
    "empty": lambda token: refresh(""),
    "one member more": lambda token: refresh(token, more=1),
    "twice": lambda token: refresh(token)[:-1] + ',"type":"auth.refresh"}',
    "cut": lambda token: refresh(token)[:-1],
    "huge": lambda token: refresh(token + "x" * 20_000),
    "not UTF-8": lambda token: refresh(token).encode()[:-1] + b',"x":"\xff"}',
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_with_a_refresh_is_said_and_the_app_does_not_see_it(
    gateway, upstream, what
):
    async with opened(gateway, upstream) as (client, app):
        await client.send(TEXT, WRONG[what](tokens.mint()))
        answer = await said(client)
        assert answer["type"] == "error" and answer["error"]["details"]["reason"], answer
        await client.send(TEXT, "on")
        await app.hears(TEXT, "on")


@pytest.mark.parametrize("host", KINDS)
async def test_an_answer_stands_behind_the_message_that_is_on_its_way(gateway, upstream, host):
    """Also behind one that is passed on in pieces."""
    async with opened(gateway, upstream, host) as (client, app):
        whole = app.octets(TEXT, b"x" * HUGE)
        await app.say(whole[: HUGE - 100_000])
        heard = b""
        while not heard:
            heard = await asyncio.wait_for(client.reader.read(1000), 15)
        await client.send(TEXT, refresh(tokens.mint()))
        await client.send(TEXT, "the answer waits")
        await app.hears(TEXT, "the answer waits")
        await app.say(whole[HUGE - 100_000 :])
        client.reader._buffer[:0] = heard
        message = await client.message()
        assert len(message.payload) == HUGE
        await refreshed(client)


async def test_answers_that_wait_for_an_app_that_stalls_are_bounded(gateway, upstream):
    """A client that goes on asking gets the last ones."""
    async with opened(gateway, upstream, "stall") as (client, app):
        whole = app.octets(TEXT, b"x" * HUGE)
        await app.say(whole[: HUGE - 100_000])
        heard = b""
        while not heard:
            heard = await asyncio.wait_for(client.reader.read(1000), 15)
        for _ in range(60):
            await client.send(TEXT, refresh("nonsense"))
        await client.send(TEXT, "all said")
        await app.hears(TEXT, "all said")
        await app.say(whole[HUGE - 100_000 :] + app.octets(TEXT, "the end"))
        client.reader._buffer[:0] = heard
        assert len((await client.message()).payload) == HUGE
        count = 0
        while (await client.message()).payload != b"the end":
            count += 1
        assert 0 < count <= 20


OTHER = tokens.mint(user=8)


@pytest.mark.parametrize("host", KINDS)
@pytest.mark.parametrize("cut", [1, 3, 8, 200])
async def test_what_stands_behind_the_last_message_is_read_to_its_close(
    gateway, upstream, host, cut
):
    """Another user's token ends the connection; the frame behind it, cut anywhere, is no reason
    to break off before the client's own close frame came."""
    async with opened(gateway, upstream, host) as (client, app):
        behind = client.octets(TEXT, "x" * 300)
        await client.say(client.octets(TEXT, refresh(OTHER)) + behind[:cut])
        assert (await said(client))["type"] == "force_disconnect"
        assert (await client.closed())[0] == 4003
        await client.say(behind[cut:])
        with contextlib.suppress(TimeoutError):
            assert await asyncio.wait_for(client.reader.read(1), 0.2) is None, "it has broken off"
        await client.close(4003)
        await client.ended()
        await assert_logged(gateway, client.mark, "forbidden", told="other_user")


async def test_an_end_that_waits_loses_no_frame_of_the_clients(gateway, upstream):
    """The app is in the middle of a message: until that is whole the client goes on."""
    async with opened(gateway, upstream, "plain") as (client, app):
        whole = app.octets(TEXT, b"x" * HUGE)
        await app.say(whole[: HUGE - 100_000])
        heard = b""
        while not heard:
            heard = await asyncio.wait_for(client.reader.read(1000), 15)
        behind = client.octets(TEXT, "y" * 300)
        await client.say(client.octets(TEXT, refresh(OTHER)) + behind[:100])
        await client.say(behind[100:] + client.octets(TEXT, "and more"))
        await app.hears(TEXT, "y" * 300)
        await app.hears(TEXT, "and more")
        await app.say(whole[HUGE - 100_000 :])
        client.reader._buffer[:0] = heard
        assert len((await client.message()).payload) == HUGE
        assert (await said(client))["type"] == "force_disconnect"
        assert (await client.closed())[0] == 4003


@pytest.mark.parametrize("host", ["told", "deflate"])
async def test_the_end_of_a_token_within_a_message_that_never_ends(gateway, upstream, host):
    """The client is told all the same: a close frame may stand between fragments."""
    async with opened(gateway, upstream, host, expires=2) as (client, app):
        whole = app.octets(TEXT, b"x" * HUGE)
        await app.say(whole[: HUGE - 100_000])
        frames, rest = await client.frames_to_the_end(patience=20)
        assert frames[-1].opcode == CLOSE and frames[-1].payload[:2] == b"\x0f\xa1", frames[-1]
        assert not rest
        await assert_logged(gateway, client.mark, "unauthenticated", told="token_expired")


async def test_too_many_refreshes_end_it(gateway, upstream):
    async with opened(gateway, upstream) as (client, app):
        await client.say(client.octets(TEXT, refresh("x")) * 250)
        frames, _ = await client.frames_to_the_end()
        assert frames[-1].payload[:2] == (1013).to_bytes(2, "big"), frames[-1]
        await assert_logged(gateway, client.mark, "rate_limited", told="control_messages")


@pytest.mark.parametrize("host", ["optional", "report"])
async def test_who_came_without_a_token_sends_none_to_the_app(gateway, upstream, host):
    async with opened(gateway, upstream, host, token="") as (client, app):
        assert app.field("sec-websocket-protocol") is None
        await client.send(TEXT, refresh(tokens.mint()))
        answer = await said(client)
        assert answer["error"]["details"]["reason"] == "session", answer
        await client.send(TEXT, "on")
        await app.hears(TEXT, "on")


async def test_where_there_are_no_tokens_the_subprotocol_is_the_apps(gateway, upstream):
    async with opened(gateway, upstream, "open", token="") as (client, app):
        assert app.field("sec-websocket-protocol") == "gateway.v1"
        await client.send(TEXT, refresh("x"))
        await app.hears(TEXT, refresh("x"))


async def test_the_only_offer_is_answered(gateway, upstream):
    async with opened(gateway, upstream) as (client, app):
        assert client.field("sec-websocket-protocol") == "gateway.v1"
        assert app.field("sec-websocket-protocol") is None


async def test_the_first_message_comes_before_the_apps(gateway, upstream):
    """Also when the app says something in the segment of its handshake."""
    token = tokens.mint()
    async with wired(
        gateway.plain, upstream, "/plain/", f"Sec-WebSocket-Protocol: gateway.v1, jwt.{token}",
        behind=b"\x81\x02hi",
    ) as (client, _):  # fmt: skip
        assert (await said(client))["type"] == "session"
        await client.hears(TEXT, "hi")


@pytest.mark.parametrize("behind", [b"", b"\x81\x02hi"], ids=["alone", "with a message"])
async def test_a_token_that_ends_while_the_app_makes_up_its_mind(gateway, upstream, behind):
    """It was good when it came; the connection begins, and ends at once: nothing of the app's is
    heard."""
    token = tokens.mint(expires=1)
    async with dialled(
        gateway.plain, "/told/", f"Sec-WebSocket-Protocol: gateway.v1, jwt.{token}"
    ) as client:
        app = await upstream.arrival(client.target)
        await longer_than("the token", 1.2)
        await app.switch(behind=behind)
        await switched(client)
        kinds = []
        while (one := await client.receive()).opcode == TEXT:
            kinds.append(json.loads(one.payload)["type"])
        assert kinds == ["session", "force_disconnect"]
        assert one.payload[:2] == (4001).to_bytes(2, "big")
        await assert_logged(gateway, client.mark, "unauthenticated", told="token_expired")


async def test_nothing_is_heard_that_the_app_says_with_its_handshake_too_late(gateway, upstream):
    """As above, where frames pass as they come."""
    token = tokens.mint(expires=1)
    async with dialled(
        gateway.plain, "/plain/", f"Sec-WebSocket-Protocol: jwt.{token}"
    ) as client:
        app = await upstream.arrival(client.target)
        await longer_than("the token", 1.2)
        await app.switch(behind=b"\x81\x02hi")
        await switched(client)
        assert json.loads((await client.message()).payload)["reason"] == "token_expired"
        assert (await client.closed())[0] == 4001

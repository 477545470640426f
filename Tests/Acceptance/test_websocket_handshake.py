"""The way into a WebSocket: subprotocols, extensions that the client and the app agree on, apps
that refuse, and octets that come before anybody expects them."""

import asyncio

import pytest
import websockets

from harness import tokens
from harness.deflating import BROWSER, DEFLATE, KINDS
from harness.log import assert_logged, line
from harness.raw import connection
from harness.waiting import eventually
from harness.wire import (
    BINARY, CLOSE, KEY, PING, RSV1, TEXT, close_payload, deflated, dialled, frame, handshake,
    marked, switched, wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; from subprotocol }
backend app      { server 127.0.0.1:$app }
backend hurried  { server 127.0.0.1:$app; handshake_timeout 500ms }
route /passed-on  { websocket; refuse http; backend app }
route /compressed { websocket; refuse http; compress; backend app }
route /any        { backend app }
route /token      { websocket; auth app; backend app }
route /hurried    { websocket; refuse http; backend hurried }
"""


@pytest.fixture(params=KINDS)
def path(request):
    return f"/{request.param}"


# Subprotocols.


@pytest.mark.parametrize(
    ("offers", "choice", "selected"),
    [
        ([], None, None),
        (["a"], "a", "a"),
        (["a, b"], "b", "b"),
        (["a", "b, c"], "c", "c"),
        (["a,b ,\tc"], "b", "b"),
        (["a, b"], None, "a"),
    ],
)
async def test_the_apps_choice_of_subprotocol_reaches_the_client(
    gateway, upstream, path, offers, choice, selected
):
    fields = [f"Sec-WebSocket-Protocol: {offer}" for offer in offers]
    answer = [f"Sec-WebSocket-Protocol: {choice}"] if choice else []
    async with wired(gateway.plain, upstream, path, *fields, answer=answer) as (client, app):
        heard = ",".join(app.fields.get("sec-websocket-protocol", []))
        assert [name.strip() for name in heard.split(",")] == [
            name.strip() for name in ",".join(offers).split(",")
        ]
        assert client.field("sec-websocket-protocol") == selected


@pytest.mark.parametrize("offers", [[], ["a, b"]])
async def test_a_choice_that_was_not_offered_never_reaches_the_client(
    gateway, upstream, path, offers
):
    """A client fails a connection with a subprotocol it did not ask for (RFC 6455, section 4.1)."""
    fields = [f"Sec-WebSocket-Protocol: {offer}" for offer in offers]
    async with dialled(gateway.plain, path, *fields) as client:
        app = await upstream.arrival(client.target)
        await app.switch("Sec-WebSocket-Protocol: z")
        client.head = await client.reader.readuntil(b"\r\n\r\n")
        assert client.field("sec-websocket-protocol") in (None, "a")


async def test_a_token_among_the_subprotocols_is_not_the_apps_to_choose(gateway, upstream):
    token = tokens.mint()
    fields = [f"Sec-WebSocket-Protocol: jwt.{token}, a"]
    async with wired(gateway.plain, upstream, "/token", *fields) as (client, app):
        assert app.field("sec-websocket-protocol") == "a"
        assert client.field("sec-websocket-protocol") == "a"


@pytest.mark.parametrize("offer", ["a b", "a, a", "a;b", '"a"', "a/b", "a\x7f"])
async def test_a_malformed_offer_of_subprotocols_is_400(gateway, path, offer):
    async with dialled(gateway.plain, path, f"Sec-WebSocket-Protocol: {offer}") as client:
        head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 15)
        assert head.startswith(b"HTTP/1.1 400 ")


# The client's own compression, where the gateway has none.


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_other_peoples_compression_is_passed_on(gateway, app_port, compression):
    """`websockets` at both ends: what they agree on is between them."""

    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    async with websockets.serve(echo, "127.0.0.1", app_port, compression=compression):
        async with gateway.tls.websocket("/passed-on", compression="deflate") as socket:
            names = [extension.name for extension in socket.protocol.extensions]
            assert names == (["permessage-deflate"] if compression else [])
            for message in ("hello" * 100, b"\x00" * 100_000, "", "안녕" * 1000):
                await socket.send(message)
                assert await asyncio.wait_for(socket.recv(), 15) == message
            await socket.send(["frag", "ments " * 1000, ""])
            assert await asyncio.wait_for(socket.recv(), 15) == "frag" + "ments " * 1000


async def test_compressed_frames_go_through_as_they_are(gateway, upstream):
    answer = [DEFLATE]
    async with wired(gateway.plain, upstream, "/passed-on", BROWSER, answer=answer) as ends:
        client, app = ends
        assert app.fields["sec-websocket-extensions"] == [BROWSER.partition(": ")[2]]
        assert client.field("sec-websocket-extensions") == "permessage-deflate"
        payload = deflated(b"hello " * 100)
        for sender, hearer in ((client, app), (app, client)):
            await sender.send(TEXT, payload[:5], final=False, reserved=RSV1)
            await sender.send(PING, b"between")
            await sender.send(0, payload[5:])
            await hearer.expect(TEXT, payload[:5], final=False, reserved=RSV1)
            await hearer.expect(PING, b"between")
            await hearer.expect(0, payload[5:])
        await client.send(0, b"")
        assert (await client.closed())[0] == 1002, "the rules hold all the same"


async def test_an_app_that_declines_gets_no_compressed_frame(gateway, upstream):
    async with wired(gateway.plain, upstream, "/passed-on", BROWSER) as (client, app):
        assert client.field("sec-websocket-extensions") is None
        await client.send(TEXT, deflated(b"hello"), reserved=RSV1)
        assert (await client.closed())[0] == 1002


async def test_other_fields_of_the_101_reach_the_client(gateway, upstream, path):
    answer = ["Set-Cookie: a=1", "Set-Cookie: b=2", "X-Served-By: app", "Date: now"]
    async with wired(gateway.plain, upstream, path, answer=answer) as (client, app):
        assert client.fields["set-cookie"] == ["a=1", "b=2"]
        assert client.field("x-served-by") == "app"
        assert client.field("upgrade").lower() == "websocket"
        assert client.field("connection").lower() == "upgrade"
        assert client.field("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert client.field("content-length") is client.field("transfer-encoding") is None


# Apps that refuse: their answer reaches the client.


REFUSALS = {
    "with a body": ("403 Forbidden", b"not for you", ["Content-Type: text/plain"]),
    "without a body": ("404 Not Found", b"", []),
    "with a challenge": ("401 Unauthorized", b"who?", ['WWW-Authenticate: Basic realm="x"']),
    "with a redirect": ("302 Found", b"", ["Location: /elsewhere"]),
    "for now": ("503 Service Unavailable", b"later", ["Retry-After: 7"]),
    "for an older version": ("426 Upgrade Required", b"", ["Sec-WebSocket-Version: 8"]),
    "as if it were a page": ("200 OK", b"<html>", ["Content-Type: text/html"]),
    "at length": ("400 Bad Request", b"no" * 100_000, []),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_of_the_apps_reaches_the_client(gateway, upstream, path, name):
    status, body, fields = REFUSALS[name]
    target = marked(path)
    async with connection(gateway.plain) as raw:
        await raw.send(handshake(target, BROWSER))
        app = await upstream.arrival(target)
        answering = asyncio.create_task(app.answer(status, body, *fields))
        answer = await raw.answer()
        await answering
    assert (answer.status, answer.body) == (int(status.split()[0]), body)
    for field in fields:
        key, _, value = field.partition(": ")
        assert answer.values(key.lower()) == [value]
    await assert_logged(gateway, target, "normal", status=answer.status)


@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (
            b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nnot\r\n8\r\n for you\r\n0\r\n\r\n",
            b"not for you",
        ),
        (b"HTTP/1.1 403 Forbidden\r\n\r\nuntil the end", b"until the end"),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
            b"no",
        ),
    ],
    ids=["in chunks", "until the end", "after hints"],
)
async def test_a_refusal_may_be_framed_in_every_way(gateway, upstream, path, octets, body):
    target = marked(path)
    async with connection(gateway.plain) as raw:
        await raw.send(handshake(target))
        app = await upstream.arrival(target)
        await app.say(octets)
        app.vanish()
        answer = await raw.answer()
    assert (answer.status, answer.body) == (403, body)


async def test_what_a_refused_client_sent_behind_its_handshake_never_reaches_the_app(
    gateway, upstream, path
):
    """Neither as frames nor as a request that the gateway has not looked at."""
    target, smuggled = marked(path), marked("/any")
    async with connection(gateway.plain) as raw:
        behind = f"GET {smuggled} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
        await raw.send(handshake(target) + behind.encode())
        app = await upstream.arrival(target)
        await app.answer("403 Forbidden", b"no")
        assert (await raw.answer()).status == 403
        assert await app.end() == b""
        if upstream.has_arrived(smuggled):
            other = await upstream.arrival(smuggled)
            assert other.field("x-forwarded-for") == "127.0.0.1", "a request like any other"
    assert smuggled.encode() not in app.head


# Apps whose 101 is none.


def without(lines, word):
    return [one for one in lines if not one.lower().startswith(word)]


BAD_SWITCHES = {
    "no accept": lambda lines: without(lines, "sec-websocket-accept"),
    "an empty accept": lambda lines: [
        *without(lines, "sec-websocket-accept"), "Sec-WebSocket-Accept:",
    ],
    "someone else's accept": lambda lines: [
        *without(lines, "sec-websocket-accept"),
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ],
    "two accepts": lambda lines: [*lines, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    "no upgrade": lambda lines: without(lines, "upgrade"),
    "another upgrade": lambda lines: [*without(lines, "upgrade"), "Upgrade: h2c"],
    "no connection": lambda lines: without(lines, "connection"),
    "another connection": lambda lines: [*without(lines, "connection"), "Connection: close"],
    "an extension that nobody offered": lambda lines: [
        *lines, "Sec-WebSocket-Extensions: x-webkit-deflate-frame",
    ],
    "two subprotocols": lambda lines: [
        *lines, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b",
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_SWITCHES)
async def test_a_bad_101_is_502(gateway, upstream, path, name):
    target = marked(path)
    async with connection(gateway.plain) as raw:
        # Not the sample key, whose accept is "someone else's".
        fields = ["Sec-WebSocket-Protocol: a, b"] * (name == "two subprotocols")
        await raw.send(handshake(target, *fields, key="AAAAAAAAAAAAAAAAAAAAAA=="))
        app = await upstream.arrival(target)
        lines = BAD_SWITCHES[name](app.switch_head)
        await app.say("\r\n".join([*lines, "", ""]).encode())
        assert (await raw.until(b"\r\n")).startswith(b"HTTP/1.1 502 ")
        await app.ended()
    await assert_logged(gateway, target, "upstream_unavailable", status=502)


async def test_an_extension_is_not_agreed_on_behind_the_gateways_back(gateway, upstream):
    """Where the gateway compresses, the app was offered nothing and may accept nothing."""
    async with dialled(gateway.plain, "/compressed", BROWSER) as client:
        app = await upstream.arrival(client.target)
        assert app.field("sec-websocket-extensions") is None
        await app.switch(DEFLATE)
        head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 15)
        assert head.startswith(b"HTTP/1.1 502 ")


async def test_a_bad_101_opens_nothing(gateway, upstream):
    async with dialled(gateway.plain, "/any") as client:
        app = await upstream.arrival(client.target)
        await app.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        head = await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 15)
        assert head.startswith(b"HTTP/1.1 502 ")


async def test_101_for_a_plain_request_is_502(gateway, upstream):
    target = marked("/any")
    async with connection(gateway.plain) as raw:
        await raw.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        app = await upstream.arrival(target)
        await app.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01x")
        assert (await raw.answer()).status == 502


async def test_an_app_that_ends_the_connection_instead_is_502(gateway, upstream, path):
    for leave in ("vanish", "reset"):
        target = marked(path)
        async with connection(gateway.plain) as raw:
            await raw.send(handshake(target))
            app = await upstream.arrival(target)
            getattr(app, leave)()
            # Some proxies try again; this one may not have told the app twice.
            assert (await raw.answer()).status == 502


async def test_an_app_that_does_not_answer_is_504(gateway, upstream):
    target = marked("/hurried")
    async with connection(gateway.plain) as raw:
        await raw.send(handshake(target))
        app = await upstream.arrival(target)
        assert (await raw.answer()).status == 504
        await app.ended()
    assert (await line(gateway, target))["reason"] == "upstream_unavailable"


# Requests that are no handshake.


def behind_host(octets):
    """Puts a field line, or several, behind the first field."""
    return lambda head: head.replace(b"localhost\r\n", b"localhost\r\n" + octets + b"\r\n")


def instead(old, new):
    return lambda head: head.replace(old.encode(), new.encode())


BAD_REQUESTS = {
    "two keys": (behind_host(f"Sec-WebSocket-Key: {KEY}".encode()), 400),
    "a key of 15 octets": (instead(KEY, "A" * 20), 400),
    "a key of 17 octets": (instead(KEY, "A" * 23 + "="), 400),
    "two versions": (behind_host(b"Sec-WebSocket-Version: 8"), (400, 426)),
    "no version": (instead("Sec-WebSocket-Version: 13\r\n", ""), (400, 426)),
    "version 14": (instead("Version: 13", "Version: 14"), 426),
    "HTTP/1.0": (instead("HTTP/1.1", "HTTP/1.0"), (400, 426)),
    "POST": (instead("GET ", "POST "), (400, 405, 426)),
    "a body": (lambda head: behind_host(b"Content-Length: 5")(head) + b"hello", 400),
    "a body in chunks": (
        lambda head: behind_host(b"Transfer-Encoding: chunked")(head) + b"0\r\n\r\n", 400,
    ),
    "no upgrade": (instead("Upgrade: websocket\r\n", ""), (400, 426)),
    "another upgrade": (instead("Upgrade: websocket", "Upgrade: h2c"), (400, 426)),
    "no connection": (instead("Connection: Upgrade\r\n", ""), (400, 426)),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_what_is_no_handshake_never_reaches_the_app(gateway, upstream, path, name):
    change, expected = BAD_REQUESTS[name]
    target = marked(path)
    async with connection(gateway.plain) as raw:
        await raw.send(change(handshake(target)))
        status = (await raw.answer()).status
        assert status in ((expected,) if isinstance(expected, int) else expected)
    assert not upstream.has_arrived(target)


@pytest.mark.parametrize(
    "fields",
    [
        ("Connection: keep-alive, Upgrade", "Upgrade: websocket"),
        ("Connection: UPGRADE", "Upgrade: WebSocket"),
        ("Connection: keep-alive", "Connection: ,upgrade,", "Upgrade: websocket"),
    ],
)
@pytest.mark.parametrize("route", ["/passed-on", "/any"])
async def test_browsers_spell_the_handshake_in_their_own_ways(gateway, upstream, route, fields):
    target = marked(route)
    lines = [
        f"GET {target} HTTP/1.1", "Host: localhost", *fields, f"sec-websocket-key: {KEY}",
        "sec-websocket-version: 13", "", "",
    ]  # fmt: skip
    async with connection(gateway.plain) as raw:
        await raw.send("\r\n".join(lines))
        app = await upstream.arrival(target)
        await app.switch()
        head = await raw.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head


# Octets that come before anybody expects them.


@pytest.mark.parametrize("kind", ["plain", "tls"])
async def test_frames_behind_the_clients_handshake_are_not_lost(gateway, upstream, path, kind):
    """In the same segment as the handshake, before the app has heard of it."""
    mask = b"abcd"
    early = frame(TEXT, b"first", mask=mask) + frame(PING, b"p", mask=mask) + b"\x82"
    async with dialled(getattr(gateway, kind), path, BROWSER, behind=early) as client:
        app = await upstream.arrival(client.target)
        await client.say(b"\x86abcd" + frame(BINARY, b"second", mask=mask)[6:])
        await app.switch()
        await switched(client)
        await app.hears(TEXT, "first")
        await app.expect(PING, b"p")
        await app.hears(BINARY, b"second")


async def test_a_megabyte_before_the_101_is_not_lost(gateway, upstream, path):
    payload = bytes(index % 251 for index in range(60_000))
    async with dialled(gateway.plain, path) as client:
        app = await upstream.arrival(client.target)
        early = asyncio.create_task(
            client.say(b"".join(client.octets(BINARY, payload) for _ in range(20)))
        )
        port = client.writer.get_extra_info("sockname")[1]
        await eventually(
            lambda: early.done() or gateway.unread_from(port), "so much that it is held back"
        )
        await app.switch()
        await switched(client)
        for _ in range(20):
            await app.hears(BINARY, payload)
        await early


async def test_a_close_before_the_101_is_a_close(gateway, upstream, path):
    behind = frame(CLOSE, close_payload(4000, "never mind"), mask=b"abcd")
    async with dialled(gateway.plain, path, behind=behind) as client:
        app = await upstream.arrival(client.target)
        await app.switch()
        await switched(client)
        assert await app.closed() == (4000, "never mind")
        await app.close(4000)
        assert await client.closed() == (4000, "")
        await client.ended()


async def test_a_violation_before_the_101_is_a_violation(gateway, upstream, path):
    async with dialled(gateway.plain, path, behind=b"\x81\x05hello") as client:
        app = await upstream.arrival(client.target)
        await app.switch()
        await switched(client)
        assert (await client.closed())[0] == 1002
        assert (await app.closed())[0] == 1001


@pytest.mark.parametrize("kind", ["plain", "tls"])
async def test_frames_in_the_same_segment_as_the_101_are_not_lost(gateway, upstream, path, kind):
    async with dialled(getattr(gateway, kind), path, BROWSER) as client:
        app = await upstream.arrival(client.target)
        behind = app.octets(TEXT, "first" * 100) + app.octets(PING, b"p") + app.octets(BINARY, b"x")
        await app.switch(behind=behind + app.octets(TEXT, "cut")[:3])
        await switched(client)
        await client.hears(TEXT, "first" * 100)
        await client.expect(PING, b"p")
        await client.hears(BINARY, b"x")
        await app.say(b"ut")
        await client.hears(TEXT, "cut")


async def test_a_close_in_the_same_segment_as_the_101_is_a_close(gateway, upstream, path):
    async with dialled(gateway.plain, path, BROWSER) as client:
        app = await upstream.arrival(client.target)
        close = app.octets(CLOSE, close_payload(3001, "b"))
        await app.switch(behind=app.octets(TEXT, "bye") + close)
        await switched(client)
        await client.hears(TEXT, "bye")
        assert await client.closed() == (3001, "b")
        await client.close(3001)
        assert await app.closed() == (3001, "")
        await client.ended()


async def test_the_end_in_the_same_segment_as_the_101_is_an_end(gateway, upstream, path):
    """The app says 101 and a last message, and is gone."""
    async with dialled(gateway.plain, path, BROWSER) as client:
        app = await upstream.arrival(client.target)
        await app.switch(behind=app.octets(TEXT, "bye"))
        app.vanish()
        await switched(client)
        await client.hears(TEXT, "bye")
        assert (await client.closed())[0] == 1001
    assert (await line(gateway, client.mark))["reason"] == "upstream_closed"


async def test_a_101_octet_by_octet_is_a_101(gateway, upstream, path):
    async with dialled(gateway.plain, path, BROWSER) as client:
        app = await upstream.arrival(client.target)
        octets = "\r\n".join([*app.switch_head, "", ""]).encode() + app.octets(TEXT, "hello")
        await app.trickle(octets, [1] * len(octets))
        await switched(client)
        await client.hears(TEXT, "hello")


async def test_a_client_that_leaves_before_the_101_leaves_nothing_behind(gateway, upstream, path):
    for leave in ("vanish", "reset"):
        async with dialled(gateway.plain, path) as client:
            app = await upstream.arrival(client.target)
            getattr(client, leave)()
            await app.end()
        assert (await line(gateway, client.mark))["reason"] == "client_gone"

"""What goes wrong in the field: upstreams that die, clients that vanish, bytes that are no HTTP.
The gateway answers in its own words, lives on, and gives back what it took."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import sys
import termios

import httpx
import pytest
import websockets

from harness.door import ask, closing
from harness.log import line
from harness.ports import free_port
from harness.raw import connection, once
from harness.waiting import PATIENCE, eventually, longer_than, pace, settled
from harness.watch import leaves_unread

STRICT = "limits { request_head 1s; tls_handshake 1s }"
CONFIGURATION = f"""
{STRICT}
""" + """
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
backend odd      { server 127.0.0.1:$odd }
backend nobody   { server 127.0.0.1:$nobody }
backend half     { server 127.0.0.1:$nobody; server 127.0.0.1:$waiting; retries 1 }
route /ws/              { websocket; backend hospital }
route /api/sse/stream   { events; backend waiting }
route /websocket-cut     { websocket; backend odd }
route /websocket-garbage { websocket; backend odd }
route /refuse-upgrade    { websocket; backend odd }
route /flood            { backend odd }
route /plain            { backend odd }
route nobody.test/      { while_away error; backend nobody }
route half.test/        { backend half }
route /                 { backend waiting }
"""


@pytest.fixture(scope="module")
def gateway(start_module_gateway, hospital, waiting, odd):
    return start_module_gateway(
        CONFIGURATION, hospital=hospital, waiting=waiting, odd=odd, nobody=free_port()
    )


GET = "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def assert_serves(gateway):
    assert (await once(gateway.plain, GET.format("/healthz"))).body == b"ok"


# Upstreams that die.


@pytest.fixture
def mortal(start_gateway, start_app):
    """A gateway whose app may be killed: `(gateway, kill, revive)`."""

    def start(name):
        app = start_app(name)
        gateway = start_gateway(
            """
            listen 127.0.0.1:$http
            backend app { server 127.0.0.1:$app; fail_timeout 1s }
            route / { while_away retry; backend app }
            """,
            app=app,
        )
        return gateway, app.kill, lambda: start_app(name, app.port)

    return start


async def test_a_download_whose_upstream_is_killed_looks_cut(mortal):
    gateway, kill, revive = mortal("odd")
    async with gateway.plain.client() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            async with client.stream("GET", "/gated") as answer:
                async for chunk in answer.aiter_raw():
                    assert chunk == b"first"
                    kill()
        assert (await client.get("/plain")).status_code == 502
        revive()

        async def back():
            return (await client.get("/plain")).status_code == 200

        await eventually(back, "the upstream to be found again")


@pytest.mark.parametrize("fault", ["killed", "a chunk that is none"])
async def test_a_download_that_ends_with_its_connection_is_reset_when_it_is_cut(mortal, fault):
    """For HTTP/1.0 a FIN would say that this was all (RFC 9112 §6.3)."""
    gateway, kill, _ = mortal("odd")
    async with connection(gateway.plain) as client:
        path = "/gated" if fault == "killed" else "/bad-chunk"
        await client.send(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            assert b"\r\n\r\nfirst" in await client.until(b"first")
            kill()
            await asyncio.wait_for(client.reader.read(), PATIENCE)


async def test_websockets_whose_upstream_is_killed_are_closed_and_may_come_back(mortal):
    gateway, kill, revive = mortal("hospital")
    sockets = [await gateway.plain.websocket("/ws/queue/doomed") for _ in range(10)]
    await asyncio.gather(*[ask(one, {"type": "ping"}) for one in sockets])
    kill()
    for messages, code in await asyncio.gather(*[closing(one) for one in sockets]):
        assert (messages, code) == ([], 1001)
    with pytest.raises(websockets.InvalidStatus) as failed:
        await gateway.plain.websocket("/ws/queue/doomed")
    assert failed.value.response.status_code == 502
    revive()

    async def back():
        with contextlib.suppress(websockets.InvalidStatus):
            async with gateway.plain.websocket("/ws/queue/doomed") as one:
                return await ask(one, {"type": "ping"}) == {"type": "pong"}

    await eventually(back, "the upstream to be found again")


async def test_an_event_stream_whose_upstream_is_killed_ends(mortal):
    gateway, kill, _ = mortal("waiting")
    async with gateway.plain.events("/api/sse/stream?store_id=doomed") as stream:
        assert (await stream.next()).event == "connected"
        kill()
        with contextlib.suppress(httpx.RemoteProtocolError):
            assert await stream.next() is None


async def test_a_restart_of_the_upstream_behind_kept_connections_is_not_noticed(mortal):
    """A pooled connection that died meanwhile is no reason to fail a request."""
    gateway, kill, revive = mortal("waiting")
    async with gateway.plain.client() as client:
        await asyncio.gather(*[client.get("/healthz") for _ in range(10)])
        kill()
        revive()
        answers = await asyncio.gather(*[client.get("/healthz") for _ in range(10)])
    assert [answer.status_code for answer in answers] == [200] * 10


async def test_an_upstream_that_refuses_connections_is_502(gateway):
    async with gateway.tls.client(headers={"Host": "nobody.test"}) as client:
        answer = await client.get("/healthz")
    assert answer.status_code == 502
    assert answer.json()["reason"] == "upstream_unavailable"


async def test_an_upstream_that_refuses_connections_is_502_for_a_websocket(gateway):
    """It is not opened: a page would take the app for there."""
    with pytest.raises(websockets.InvalidStatus) as failed:
        await gateway.tls.websocket("/ws/", name="nobody.test")
    assert failed.value.response.status_code == 502


async def test_another_server_is_tried_when_one_refuses(gateway):
    async with gateway.tls.client(headers={"Host": "half.test"}) as client:
        answers = [await client.get("/healthz") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 6
        posted = await client.post("/upload", content=b"x" * 100_000)
        assert posted.json()["size"] == 100_000


async def test_a_websocket_cut_by_the_upstream_is_closed_in_order(gateway):
    async with gateway.tls.websocket("/websocket-cut") as one:
        await one.send("hello")
        assert await closing(one) == ([], 1001)


async def test_a_websocket_with_garbage_from_the_upstream_is_closed_in_order(gateway):
    async with gateway.tls.websocket("/websocket-garbage") as one:
        messages, code = await closing(one)
    assert messages == []
    assert code in (1001, 1002, 1011, 1013), "the app's fault, told in a close frame"


async def test_an_upgrade_refused_by_the_upstream_is_its_own_plain_answer(gateway):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await gateway.tls.websocket("/refuse-upgrade")
    assert refused.value.response.status_code == 403
    assert refused.value.response.body == b"not for you"


# Clients that vanish.


async def open_sockets(hospital_itself, group):
    async with hospital_itself.client() as client:
        return (await client.get(f"/sockets/{group}")).json()["open"]


@pytest.mark.parametrize("kind", ["plain", "tls"])
async def test_vanished_clients_are_gone_at_the_app_too(gateway, hospital_itself, kind):
    """RST instead of a close frame."""
    door = getattr(gateway, kind)
    sockets = [await door.websocket("/ws/queue/vanish") for _ in range(20)]
    await asyncio.gather(*[ask(one, {"type": "ping"}) for one in sockets])
    assert await open_sockets(hospital_itself, "queue_vanish") == 20
    for one in sockets:
        raw = one.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.transport.abort()

    async def all_gone():
        return await open_sockets(hospital_itself, "queue_vanish") == 0

    await eventually(all_gone, "the app to have lost them")


async def test_a_listener_that_vanishes_is_gone_at_the_app_too(gateway, waiting_itself):
    async with gateway.tls.events("/api/sse/stream?store_id=vanish") as stream:
        assert (await stream.next()).event == "connected"
    async with waiting_itself.client() as client:

        async def nobody():
            return (await client.get("/api/stores/vanish/connections")).json() == []

        await eventually(nobody, "the app to have lost its listener")


# Bytes that are no HTTP.


MALFORMED = {
    "no HTTP": ("hello\r\n\r\n", 400),
    "no version": ("GET /\r\nHost: a\r\n\r\n", 400),
    "a TLS greeting": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 64, 400),
    "no host": ("GET /healthz HTTP/1.1\r\n\r\n", 400),
    "two hosts": ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "HTTP/2.0": ("GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", (400, 505)),
    "a dot segment out of the root": (GET.format("/../etc/passwd"), 400),
    "an encoded slash after dots": (GET.format("/a/..%2fhealthz"), 400),
    "encoded dots and slash": (GET.format("/%2e%2e%2fhealthz"), 400),
    "a bad percent": (GET.format("/%zz"), 400),
    "an encoded zero": (GET.format("/a%00b"), 400),
    "a backslash": (GET.format("/..\\healthz"), 400),
    "a space before the colon": ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "a space in a name": ("GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n", 400),
    "a folded field": ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400),
    "a zero in a value": ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\x002\r\n\r\n", 400),
    "a lone CR": ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", 400),
    "two lengths": (
        "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        400,
    ),
    "two lengths in one": (
        "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabcd", 400,
    ),
    "a negative length": ("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    "a length with a plus": ("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400),
    "a length and chunks": (
        "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "chunked twice": (
        "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "an unknown coding": (
        "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", (400, 501),
    ),
    "chunked not last": (
        "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", (400, 501),
    ),
    "a huge target": (GET.format("/" + "a" * 9000), 414),
    "a huge field": ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "a" * 40_000 + "\r\n\r\n", 431),
    "too many fields": ("GET / HTTP/1.1\r\nHost: a\r\n" + "X: 1\r\n" * 200 + "\r\n", 431),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_request_is_refused_and_hung_up_on(gateway, name):
    octets, expected = MALFORMED[name]
    async with connection(gateway.plain) as raw:
        await raw.send(octets)
        answer = await raw.answer("GET")
        assert answer.status in ((expected,) if isinstance(expected, int) else expected)
        assert answer.values("content-type") == ["application/problem+json"]
        await raw.end()
    await assert_serves(gateway)


@pytest.mark.parametrize(
    "chunk", ["zz\r\n", "-1\r\n", "5 \r\nhello\r\n", "5\r\nhelloXX", "ffffffffffffffffff\r\n", "5\n"]
)
async def test_a_malformed_chunk_never_becomes_a_request(gateway, chunk):
    """What follows a framing error must not be read as the next request."""
    async with connection(gateway.plain) as raw:
        await raw.send(
            "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
        )
        await raw.send(GET.format("/echo?smuggled") * 3)
        assert b"smuggled" not in await raw.end()
    await assert_serves(gateway)


async def test_a_slow_head_is_408(gateway):
    async with connection(gateway.plain) as raw:
        await raw.send("GET / HTTP/1.1\r\nHost: a\r\n")
        answer = await raw.answer()
        assert answer.status == 408
        await raw.end()


async def test_a_head_that_trickles_in_is_408_all_the_same(gateway):
    """The head's time counts from its first octet, not from its last."""
    async with connection(gateway.plain) as raw:

        async def trickle():
            with contextlib.suppress(ConnectionError):
                await raw.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
                while True:
                    await raw.send("x")
                    await pace(0.1)

        trickling = asyncio.create_task(trickle())
        assert (await raw.answer()).status == 408
        trickling.cancel()


async def test_who_says_nothing_is_hung_up_on(gateway):
    async with connection(gateway.plain) as raw:
        await raw.end()


async def test_who_never_finishes_the_tls_handshake_is_hung_up_on(gateway):
    async with connection(gateway.tls, tls=False) as raw:
        await raw.send(b"\x16\x03\x01")
        await raw.end()


@pytest.mark.parametrize(
    "octets",
    [GET.format("/healthz").encode(), b"\x00" * 1000, bytes(range(256)) * 20, b"\x16\x03\x01\xff\xff"],
    ids=["plain HTTP", "zeros", "noise", "a record too long"],
)
async def test_garbage_instead_of_tls_is_hung_up_on(gateway, octets):
    async with connection(gateway.tls, tls=False) as raw:
        with contextlib.suppress(ConnectionError):
            await raw.send(octets)
        await raw.end()
    await assert_serves(gateway)


BAD_FRAMES = {
    "unmasked": (b"\x81\x05hello", 1002),
    "reserved bit": (b"\xc1\x80\x00\x00\x00\x00", 1002),
    "reserved opcode": (b"\x83\x80\x00\x00\x00\x00", 1002),
    "a fragmented ping": (b"\x09\x80\x00\x00\x00\x00", 1002),
    "a ping too long": (b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"x" * 126, 1002),
    "a continuation of nothing": (b"\x80\x80\x00\x00\x00\x00", 1002),
    "a message over the size": (b"\x82\xff" + struct.pack(">Q", 1 << 30) + b"\x00" * 4, 1009),
    "a length with the top bit": (b"\x82\xff" + struct.pack(">Q", 1 << 63) + b"\x00" * 4, 1002),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_a_bad_frame_ends_the_websocket_with_its_code(gateway, name):
    octets, expected = BAD_FRAMES[name]
    async with connection(gateway.tls) as raw:
        await raw.send(
            "GET /ws/queue/bad HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b" 101 " in await raw.until(b"\r\n\r\n")
        await raw.send(octets)
        head = await raw.reader.readexactly(2)
        assert head[0] == 0x88, "a close frame and nothing before it"
        payload = await raw.reader.readexactly(head[1])
        assert int.from_bytes(payload[:2], "big") == expected
        raw.abort()


BAD_HANDSHAKES = {
    "no key": ("Sec-WebSocket-Version: 13\r\n", 400),
    "a short key": ("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n", 400),
    "an old version": (
        "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 426,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_HANDSHAKES)
async def test_a_bad_handshake_is_refused_in_http(gateway, name):
    fields, expected = BAD_HANDSHAKES[name]
    answer = await once(
        gateway.plain,
        "GET /ws/queue/bad HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\n{fields}\r\n",
    )
    assert answer.status == expected
    if expected == 426:
        assert answer.values("sec-websocket-version") == ["13"]


# Everything is given back.


async def one_bad_day(gateway):
    """A little of everything above."""

    async def vanish():
        one = await gateway.tls.websocket("/ws/queue/day")
        await ask(one, {"type": "ping"})
        one.transport.abort()

    async def leave():
        async with gateway.tls.websocket("/ws/queue/day", compression="deflate") as one:
            await ask(one, {"type": "ping"})

    async def cut():
        async with gateway.tls.websocket("/websocket-cut") as one:
            await one.send("hello")
            await closing(one)

    async def garbage():
        async with connection(gateway.tls, tls=False) as raw:
            await raw.send(b"garbage\r\n\r\n")
            await raw.end()

    async def flood():
        async with connection(gateway.tls) as raw:
            await raw.send(GET.format("/flood"))
            await raw.until(b"\r\n\r\n")
            raw.abort()

    async def listen():
        async with gateway.tls.events("/api/sse/stream?store_id=day") as stream:
            await stream.next()

    async def refused():
        async with gateway.tls.client(headers={"Host": "nobody.test"}) as client:
            await client.get("/healthz")

    async def malformed():
        await once(gateway.plain, MALFORMED["two lengths"][0])

    await asyncio.gather(
        *[scene() for scene in
          (vanish, leave, cut, garbage, flood, listen, refused, malformed) for _ in range(10)]
    )  # fmt: skip


@pytest.fixture
def lenient_gateway(start_gateway, hospital, waiting, odd):
    """A busy machine may take its time for dozens of handshakes."""
    text = CONFIGURATION.replace(STRICT, "")
    return start_gateway(text, hospital=hospital, waiting=waiting, odd=odd, nobody=free_port())


async def test_descriptors_and_memory_are_given_back(lenient_gateway):
    gateway = lenient_gateway
    # The allocator takes a few days until it has all it ever needs.
    for _ in range(4):
        await one_bad_day(gateway)

    # Nothing but listeners and pooled upstream connections is left.
    descriptors = await settled(gateway.descriptors, "the open descriptors")
    memory = gateway.memory()
    for _ in range(6):
        await one_bad_day(gateway)
    await eventually(
        lambda: gateway.descriptors() <= descriptors + 8, "all descriptors to be closed"
    )
    assert gateway.memory() - memory < 4 << 20


async def test_a_response_that_is_here_is_whole_although_its_connection_broke(
    start_gateway, upstream, app_port
):
    """The app has sent it to its end and resets the connection, as systems do where something was
    left unread. The client takes its time, so that a part is still with the gateway's system."""
    gateway = start_gateway(
        "workers 1\nlisten 127.0.0.1:$http\nbackend app { server 127.0.0.1:$app }\n"
        "route / { backend app }\n",
        app=app_port,
    )
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    count = 0
    async with connection(gateway.plain, receive_buffer=32_768) as client:
        await client.send(GET.format("/broke"))
        app = await upstream.arrival("/broke")
        await app.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not await leaves_unread(gateway, app_port):
            await app.say(piece)
            count += 1
        await app.say(b"0\r\n\r\n")
        own = app.writer.get_extra_info("socket")
        await eventually(lambda: unsent(own) == 0, "the gateway's system to have all of it")
        app.reset()
        await longer_than("the news of that", 0.5)
        answer = await client.answer()
        assert len(answer.body) == count * 65_536


async def test_a_response_up_to_the_end_of_a_connection_that_was_reset_is_not_whole(
    start_gateway, upstream, app_port
):
    """The app answers in the middle of an upload, takes no more of that and breaks off. That the
    connection broke is told to whoever sends; who reads then sees an end."""
    gateway = start_gateway(
        "workers 1\nlog { access json stdout }\nlisten 127.0.0.1:$http\n"
        "backend app { server 127.0.0.1:$app }\nroute / { backend app }\n",
        app=app_port,
    )
    async with connection(gateway.plain) as client:
        await client.send(
            f"POST /broke HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 30}\r\n\r\n"
        )
        app = await upstream.arrival("/broke")
        app.reader._transport.pause_reading()
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.wait_for(client.send(b"x" * 65_536), 1)
        await app.say(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
        await client.until(b"half\r\n")
        app.reset()
        assert b"0\r\n\r\n" not in await client.end()
    entry = await line(gateway, "/broke")
    assert (entry["reason"], entry["detail"]) == ("upstream_unavailable", "cut")


def unsent(own):
    """Octets that the other system has not acknowledged (SIOCOUTQ)."""
    return int.from_bytes(fcntl.ioctl(own.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)

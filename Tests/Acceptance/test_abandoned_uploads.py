"""Clients that give up an upload while the app takes nothing of it. Their system still has
megabytes to send, and the end behind that: the gateway sees nothing of it, and has to find out."""

import asyncio
import contextlib
import random
import signal
import socket
import time

import pytest

from harness.door import Door
from harness.log import line
from harness.raw import connection
from harness.waiting import BUSY, PATIENCE, eventually, longer_than, together
from harness.watch import leaves_unread
from harness.wire import BINARY, PING, PONG, TEXT, marked, wired

CONFIGURATION = """
log { access json stdout }
workers 1
limits { drain 15s }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$spare { tls { certificate self_signed; versions 1.2 } }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app; response_timeout 60s }
defaults { backend app }
route /plain    { }
route /kept     { buffer_body 64k }
route /finish   { finish_without_client }
route /events   { events }
route /ws       { websocket; ping 1s; silence 40s }
"""
MEGABYTE = 1 << 20
#: More than all kernel buffers of a loopback connection hold.
ENDLESS = 1 << 30
DOORS = ["plain", "tls"]
FRAMINGS = {"length": f"Content-Length: {ENDLESS}", "chunked": "Transfer-Encoding: chunked"}
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(start_wired_gateway):
    return start_wired_gateway(CONFIGURATION)


def head(target, *fields, method="POST"):
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *fields, "", ""])


def half_close(raw):
    """FIN without close_notify, and the client reads on."""
    raw.writer.get_extra_info("socket").shutdown(socket.SHUT_WR)


def is_sent(raw):
    """The system has all of it."""
    transport = raw.writer.transport
    protocol = getattr(transport, "_ssl_protocol", None)
    waiting = protocol._transport.get_write_buffer_size() if protocol else 0
    return not waiting and not transport.get_write_buffer_size()


async def push(raw, framing="length"):
    """Sends until its system takes no more."""
    part = b"x" * 65_536
    part = part if framing == "length" else b"10000\r\n" + part + b"\r\n"
    with contextlib.suppress(TimeoutError):
        while True:
            await asyncio.wait_for(raw.send(part), 1)


@contextlib.asynccontextmanager
async def stuck(gateway, upstream, path, door="plain", framing="length"):
    """An upload whose app takes nothing, and whose client has sent all that anybody takes."""
    target = marked(path)
    async with connection(getattr(gateway, door)) as raw:
        await raw.send(head(target, FRAMINGS[framing]))
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()
        await push(raw, framing)
        yield raw, app, target
        app.reader._transport.abort()


# What shows by itself.


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("path", ["/plain", "/finish", "/events"])
async def test_a_body_that_cannot_become_whole(gateway, upstream, door, path):
    """The end has come, and not enough before it: nobody has to wait until the app takes that."""
    target = marked(path)
    async with connection(getattr(gateway, door)) as raw:
        method = "GET" if path == "/events" else "POST"
        await raw.send(head(target, FRAMINGS["length"], method=method))
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()
        await fill(gateway, raw)
        half_close(raw)
        entry = await line(gateway, target)
        assert (entry["status"], entry["reason"]) == (0, "client_gone")
        app.reader._transport.resume_reading()
        await app.end()


async def fill(gateway, raw, most=ENDLESS):
    """Sends until the gateway leaves something of it unread: how much it was."""
    sent = 0
    while sent < most:
        size = min(131_072, most - sent)
        await raw.send(b"x" * size)
        sent += size
        if await leaves_unread(gateway, raw.port):
            break
    return sent


# To an event stream a TLS client that has finished is gone.
@pytest.mark.parametrize(
    "path, door", [("/finish", "plain"), ("/finish", "tls"), ("/events", "plain")]
)
@pytest.mark.parametrize("framing", FRAMINGS)
async def test_a_body_whose_rest_is_there(gateway, upstream, door, framing, path):
    """A client that has sent everything may finish sending, and hears the answer where it would
    without a body."""
    target = marked(path)
    size = 8 * MEGABYTE
    method = "GET" if path == "/events" else "POST"
    fields = {"length": f"Content-Length: {size}", "chunked": FRAMINGS["chunked"]}[framing]
    async with connection(getattr(gateway, door)) as raw:
        await raw.send(head(target, fields, method=method))
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()
        body = random.Random(size).randbytes(size)
        octets = body if framing == "length" else b"%x\r\n" % size + body + b"\r\n0\r\n\r\n"
        sending = asyncio.create_task(raw.send(octets))
        await eventually(lambda: leaves_unread(gateway, raw.port), "the gateway to leave some unread")

        # As much as fits is here, and the rest comes; then the end.
        async def finish():
            await sending
            await eventually(lambda: is_sent(raw), "all to be sent")
            half_close(raw)

        finishing = asyncio.create_task(finish())
        app.reader._transport.resume_reading()
        if framing == "length":
            assert await app.exactly(size) == body
        else:
            assert await dechunked(app) == body
        await finishing
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthere"
        await app.say(answer if path == "/finish" else EVENTS + b"data: there\n\n")
        app.writer.close()
        assert b"there" in await raw.end()
    assert (await line(gateway, target))["reason"] == "normal"


async def dechunked(app):
    body = b""
    while True:
        size = int(await asyncio.wait_for(app.reader.readuntil(b"\r\n"), PATIENCE), 16)
        body += (await app.exactly(size + 2))[:-2]
        if size == 0:
            return body


@pytest.mark.parametrize("door", DOORS)
async def test_a_short_rest_behind_which_the_client_finished(gateway, upstream, door):
    """All that is missing is in the gateway's system, the end behind it."""
    target = marked("/finish")
    async with connection(getattr(gateway, door)) as raw:
        size = 40 * MEGABYTE
        await raw.send(head(target, f"Content-Length: {size}"))
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()
        sent = await fill(gateway, raw, most=size)
        # The request is one whose length was this from the start.
        assert sent < size
        half_close(raw)
        entry = await line(gateway, target)
        assert entry["reason"] == "client_gone", "it is not: megabytes are missing"
    target = marked("/finish")
    async with connection(getattr(gateway, door)) as raw:
        # So much that it fits into the gateway's system.
        rest = size = sent // 2
        await raw.send(head(target, f"Content-Length: {size}"))
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()
        while rest:
            await raw.send(b"x" * min(rest, 16_384))
            rest -= min(rest, 16_384)
        await eventually(lambda: is_sent(raw), "the client's system to have it")
        half_close(raw)
        await longer_than("the question whether it is there", 1)
        assert not app.reader.at_eof()
        app.reader._transport.resume_reading()
        assert await app.exactly(size) == b"x" * size
        await app.answer(200, b"there")
        assert b"there" in await raw.end()
    assert (await line(gateway, target))["reason"] == "normal"


# What has to be asked for.


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_who_left_behind_a_full_window_is_found(gateway, upstream, framing):
    """With TLS 1.3: a session ticket is answered with a reset."""
    async with stuck(gateway, upstream, "/plain", "tls", framing) as (raw, _, target):
        raw.abort()
        entry = await line(gateway, target)
        assert (entry["status"], entry["reason"]) == (0, "client_gone")


async def test_who_left_a_websocket_behind_a_full_window_is_found(gateway, upstream):
    """There, pings ask."""
    async with wired(gateway.plain, upstream, "/ws") as (client, app):
        app.reader._transport.pause_reading()
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.wait_for(client.send(BINARY, bytes(65_536)), 1)
        client.writer.transport.abort()
        entry = await line(gateway, client.mark)
        assert entry["reason"] == "client_gone"
        app.reader._transport.resume_reading()


async def test_a_websocket_that_is_asked_again_and_lives(gateway, upstream):
    """Its answers are heard when the app reads on. They are for the gateway, however many there
    are, and then it goes on asking as ever."""
    async with wired(gateway.plain, upstream, "/ws") as (client, app):
        app.reader._transport.pause_reading()
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.wait_for(client.send(BINARY, bytes(65_536)), 1)
        asked = [await client.receive() for _ in range(3)]
        assert {one.opcode for one in asked} == {PING} and len({one.payload for one in asked}) == 1
        app.reader._transport.resume_reading()
        # Not awaited: nothing moves before the app reads.
        for one in asked:
            client.writer.write(client.octets(PONG, one.payload))
        client.writer.write(client.octets(TEXT, "that was it"))
        controls = []
        while (await app.message(controls)).opcode != TEXT:
            pass
        assert controls == []
        after = await client.receive()
        while after == asked[0]:
            await client.send(PONG, after.payload)
            after = await client.receive()
        assert after.opcode == PING
        await client.send(PONG, after.payload)
        await client.close(1000)
        # No pong came to the app in between.
        assert await app.closed() == (1000, "")


@contextlib.asynccontextmanager
async def uploading(gateway, upstream, door, path="/plain"):
    """A client that sends all of a large body, and an app that does not read yet."""
    target = marked(path)
    size = 24 * MEGABYTE
    body = random.Random(size).randbytes(size)
    async with connection(getattr(gateway, door)) as raw:
        await raw.send(head(target, f"Content-Length: {size}"))
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()
        sending = asyncio.create_task(raw.send(body))
        yield raw, app, body
        await sending


async def test_who_is_asked_and_lives_notices_nothing(gateway, upstream):
    """Asked or not, more than once: every octet arrives, and the answer."""

    async def lives(door, path):
        async with uploading(gateway, upstream, door, path) as (raw, app, body):
            await longer_than("the questions whether it is there", 16)
            app.reader._transport.resume_reading()
            assert await app.exactly(len(body)) == body
            await app.answer(200, b"there")
            answer = await raw.answer("POST")
            assert (answer.status, answer.body, answer.informational) == (200, b"there", [])

    await together(*(lives(door, path) for door in DOORS for path in ("/plain", "/finish")))


async def test_curl_is_asked_and_notices_nothing(gateway, upstream, tmp_path):
    file = tmp_path / "body"
    file.write_bytes(random.Random(1).randbytes(24 * MEGABYTE))

    async def lives(version):
        target = marked("/plain")
        child = await asyncio.create_subprocess_exec(
            "curl", "-sk", "--tls-max", version, "-T", file, "-H", "Expect:",
            gateway.tls.http(target), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()
        await longer_than("the question whether it is there", 8)
        app.reader._transport.resume_reading()
        assert await app.exactly(24 * MEGABYTE) == file.read_bytes()
        await app.answer(200, b"there")
        assert await asyncio.wait_for(child.communicate(), PATIENCE) == (b"there", None)

    await together(lives("1.2"), lives("1.3"))


# The process stops.


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("door", ["plain", "tls", "old"])
async def test_a_stop_does_not_wait_for_who_left(start_gateway, upstream, app_port, door, framing):
    """Without TLS nobody can be asked: what has been sent is read until the end shows."""
    gateway = start_gateway(CONFIGURATION, app=app_port)
    gateway.old = Door("TLS 1.2", gateway.names["spare"], tls=True)
    async with stuck(gateway, upstream, "/plain", door, framing) as (raw, _, target):
        raw.abort()
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        await eventually(lambda: not gateway.is_alive(), "it to stop")
        assert time.monotonic() - began < 5 + BUSY, "not the whole drain"
        assert (await line(gateway, target))["reason"] == "client_gone"
    gateway.assert_exit(0)


@pytest.mark.parametrize("door", DOORS)
async def test_a_stop_waits_for_who_is_there(start_gateway, upstream, app_port, door):
    """What was read ahead goes on, all of it and in order, when the app takes it."""
    gateway = start_gateway(CONFIGURATION, app=app_port)
    async with uploading(gateway, upstream, door) as (raw, app, body):
        await eventually(lambda: leaves_unread(gateway, raw.port), "it to be held back")
        gateway.signal(signal.SIGTERM)
        gateway.wait_for_words("draining")
        await longer_than("a turn of the drain", 1)
        app.reader._transport.resume_reading()
        assert await app.exactly(len(body)) == body
        await app.answer(200, b"there")
        assert (await raw.answer("POST")).body == b"there"
        assert await raw.end() == b""
    gateway.assert_exit(0)


@pytest.mark.parametrize("door", DOORS)
async def test_a_stop_while_a_client_has_finished(start_gateway, upstream, app_port, door):
    """Read ahead to its end, behind which the body is whole."""
    gateway = start_gateway(CONFIGURATION, app=app_port)
    target = marked("/finish")
    async with connection(getattr(gateway, door)) as raw:
        size = 7 * MEGABYTE
        await raw.send(head(target, f"Content-Length: {size}"))
        app = await upstream.arrival(target)
        app.reader._transport.pause_reading()
        sending = asyncio.create_task(raw.send(b"x" * size))
        await eventually(lambda: leaves_unread(gateway, raw.port), "it to be held back")
        gateway.signal(signal.SIGTERM)
        await sending
        await eventually(lambda: is_sent(raw), "all to be sent")
        half_close(raw)
        await longer_than("a turn of the drain", 0.5)
        app.reader._transport.resume_reading()
        assert await app.exactly(size) == b"x" * size
        await app.answer(200, b"there")
        assert b"there" in await raw.end()
        assert (await line(gateway, target))["reason"] == "normal"
    gateway.assert_exit(0)

"""Readers of event streams that are slower than their app: their queue has an end, as that of a
WebSocket (`test_websocket_slow.py`), and whoever catches up in time has lost nothing."""

import asyncio
import contextlib
import time

import pytest

from harness.log import assert_logged
from harness.raw import connection
from harness.waiting import BUSY, again_if_late, longer_than, pace, settled, together
from harness.wire import marked

CONFIGURATION = """
workers 1
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app; response_timeout 2s }
sessions stage { store query:store; device query:device; limit 1 eject_old }
defaults { backend app; send_queue 64k }
route /usual  { events; slow cut 1s; send_queue 1m }
route /cut    { events; slow cut 1s under 64k }
route /steady { events; slow cut 2s }
route /gulps  { events; slow cut 1s under 16k }
route /opaque { events; slow cut 1s }
route /catch  { events; slow cut 3s }
route /later  { events; slow cut 3s; comment 1s }
route /wait   { events; slow wait; comment 1s }
route /first  { events; slow cut 1s under 1m; comment 1s; send_queue 4k }
route /plain  { }
route /patient { events; slow cut 5m; sessions stage }
"""
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
FILLING = "x" * 8192


class Stream:
    """A stream of numbered events that come as fast as they are taken; its reader does not."""

    def __init__(self, client, app, target):
        self.client, self.app, self.target = client, app, target
        self.sent, self.most = 0, 1 << 62
        self.heard = []

    async def flood(self):
        with contextlib.suppress(ConnectionError):
            while self.sent < self.most and not self.app.writer.transport.is_closing():
                await self.app.say(f"id: {self.sent}\ndata: {FILLING}\n\n".encode())
                self.sent += 1
                await asyncio.sleep(0)

    async def stands_still(self):
        return await settled(lambda: self.sent, "the app's sending")

    async def read(self, count=None):
        """The next events, or all there are; comments do not count."""
        seen = 0
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while count is None or seen < count:
                event = await self.client.reader.readuntil(b"\n\n")
                if event.startswith(b"id: "):
                    assert event.endswith(FILLING.encode() + b"\n\n")
                    self.heard.append(int(event[4 : event.index(b"\n")]))
                    seen += 1
        assert self.heard == list(range(len(self.heard))), "nothing is lost, or comes twice"


@contextlib.asynccontextmanager
async def flooded(gateway, upstream, path, door=None, fields=""):
    """A client whose kernel and whose reader hold next to nothing, and an app that says a lot."""
    target = marked(path)
    async with connection(door or gateway.plain, receive_buffer=4096, limit=16_384) as client:
        await client.send(f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n")
        app = await upstream.arrival(target)
        await app.say(f"{HEAD}{fields}\r\n".encode())
        await client.until(b"\r\n\r\n")
        stream = Stream(client, app, target)
        flooding = asyncio.create_task(stream.flood())
        yield stream
        flooding.cancel()


async def stalled_reader_is_cut(gateway, upstream, path, after, queue, door=None, fields=""):
    async with flooded(gateway, upstream, path, door, fields) as stream:
        began = time.monotonic()
        await stream.stands_still()
        stood = time.monotonic()
        # Its upstream is not held for it, and is told.
        await stream.app.end(patience=30)
        ended = time.monotonic()
        # What it has taken so far buys it some time, up to six times as much.
        assert after < ended - began and ended - stood < after * 6 + 8, f"{ended - stood:.2f} s"
        assert stream.sent * len(FILLING) > queue, "as much as it may"
        await stream.read()
        assert stream.heard
    await assert_logged(gateway, stream.target, "slow_consumer", status=200)


async def reader_that_trickles_is_cut(gateway, upstream):
    """It takes something now and then, but less than it has to."""
    async with flooded(gateway, upstream, "/cut") as stream:
        await stream.stands_still()

        async def trickle():
            while True:
                await stream.client.reader.read(512)
                await pace(0.05)

        trickling = asyncio.create_task(trickle())
        stood = time.monotonic()
        await stream.app.end()
        assert time.monotonic() - stood < 12 + BUSY
        trickling.cancel()
    await assert_logged(gateway, stream.target, "slow_consumer", status=200)


@pytest.mark.timeout(180)
@again_if_late
async def test_a_steady_reader_is_not_cut(gateway, upstream):
    """At 60 kB a second, with a queue that is full all the time, for several times as long as it
    may stand still. When it stops, it is cut."""
    async with flooded(gateway, upstream, "/steady") as stream:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < 10:
            while len(stream.heard) * len(FILLING) < passed * 60_000:
                await stream.read(1)
            await pace(0.05)
        assert not stream.app.reader.at_eof()
        stopped = time.monotonic()
        # What it took before has bought it some time, up to six times as much.
        await stream.app.end()
        assert time.monotonic() - stopped > 1.5
    await assert_logged(gateway, stream.target, "slow_consumer", status=200)


@pytest.mark.timeout(180)
@again_if_late
async def test_a_reader_that_takes_a_lot_at_once_is_not_cut(gateway, upstream):
    """Then nothing for several times as long as it may stand still. When it stops, it is cut."""
    async with flooded(gateway, upstream, "/gulps") as stream:
        for gulp in (16, 128, 32, 256):
            await stream.read(gulp)
            await longer_than("`slow cut`", 3.5)
            assert not stream.app.reader.at_eof(), f"cut after {gulp} events"
        stopped = time.monotonic()
        await stream.app.end()
        assert time.monotonic() - stopped < 6 + BUSY
    await assert_logged(gateway, stream.target, "slow_consumer", status=200)


async def reader_that_catches_up_in_time_is_not_cut(gateway, upstream, path, pause):
    """Again and again, for longer than `slow` in all."""
    async with flooded(gateway, upstream, path) as stream:
        for _ in range(3):
            stood = await stream.stands_still()
            await longer_than("a third of `slow`", pause)
            await stream.read(stood - len(stream.heard))
        stream.most = stream.sent
        await stream.read(stream.sent - len(stream.heard))
    await assert_logged(gateway, stream.target, "client_gone", status=200)


@pytest.mark.timeout(180)
@again_if_late
async def test_slow_readers(gateway, upstream):
    opaque = "Content-Encoding: gzip\r\n"
    await together(
        stalled_reader_is_cut(gateway, upstream, "/usual", 1, 1 << 20),
        stalled_reader_is_cut(gateway, upstream, "/cut", 1, 1 << 16, door=gateway.tls),
        stalled_reader_is_cut(gateway, upstream, "/opaque", 1, 1 << 16, fields=opaque),
        stalled_reader_is_cut(gateway, upstream, "/later", 3, 1 << 16),
        reader_that_trickles_is_cut(gateway, upstream),
        reader_that_catches_up_in_time_is_not_cut(gateway, upstream, "/catch", 1.2),
        reader_that_catches_up_in_time_is_not_cut(gateway, upstream, "/wait", 3),
    )


async def test_a_full_queue_puts_off_no_end(gateway, upstream):
    """A reader is ejected within an event that has no end, and takes nothing any more."""
    target = marked("/patient?store=1&device=A")
    async with connection(gateway.plain, receive_buffer=4096, limit=16_384) as client:
        await client.send(f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n")
        app = await upstream.arrival(target)
        await app.say(f"{HEAD}\r\ndata: ".encode() + b"x" * 100_000)
        await client.until(b"\r\n\r\n")
        # More than is held back for the end of an event.
        await client.reader.readexactly(80_000)
        async with flooded(gateway, upstream, "/patient?store=1&device=B"):
            sent = 0

            async def flood():
                nonlocal sent
                with contextlib.suppress(ConnectionError):
                    while not app.writer.transport.is_closing():
                        await app.say(b"x" * 8192)
                        sent += 8192
                        await asyncio.sleep(0)

            flooding = asyncio.create_task(flood())
            await app.end(patience=8 + BUSY)
            flooding.cancel()
            assert sent > 1 << 17, "the queue was full"
    await assert_logged(gateway, target, "force_disconnect", status=200)


async def test_the_end_of_a_body_does_not_end_the_watch_over_its_stream(gateway, upstream):
    """The app answers with a stream before it has the whole request. Comments come for as long as
    nothing else does, which is longer than an answer may take to go on."""
    target = marked("/wait")
    async with connection(gateway.plain) as client:
        await client.send(
            f"GET {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello"
        )
        app = await upstream.arrival(target)
        assert await app.exactly(5) == b"hello"
        await app.say(f"{HEAD}\r\ndata: first\n\n".encode())
        await client.until(b"data: first\n\n")
        await client.send("world")
        assert await app.exactly(5) == b"world"
        for _ in range(4):
            await client.until(b":")
            await client.until(b"\n\n")
        await app.say(b"data: last\n\n")
        await client.until(b"data: last\n\n")


async def test_what_was_said_to_a_reader_that_is_cut_is_heard_by_nobody_else(gateway, upstream):
    """A comment is due in the moment in which it is cut. Others are answered all the while."""
    over = asyncio.Event()

    async def ask():
        target = marked("/plain")
        async with connection(gateway.plain) as client:
            await client.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
            app = await upstream.arrival(target)
            await app.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await client.until(b"\r\n\r\n")
            while not over.is_set():
                await app.say(b"4\r\nmine\r\n")
                assert await client.until(b"mine\r\n") == b"4\r\nmine\r\n"
            app.writer.close()

    async def read(later):
        await pace(later)
        async with flooded(gateway, upstream, "/first") as stream:
            await stream.app.end(patience=30)
        await assert_logged(gateway, stream.target, "slow_consumer", status=200)

    others = [asyncio.create_task(ask()) for _ in range(4)]
    await together(*(read(number * 0.13) for number in range(60)))
    over.set()
    await asyncio.gather(*others)

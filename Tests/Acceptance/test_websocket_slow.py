"""Clients that read slower than their app writes: their queue has an end, and nobody else has to
wait for them."""

import asyncio
import contextlib
import itertools
import random
import time

import pytest

from harness.deflating import DEFLATE
from harness.log import assert_logged, line
from harness.waiting import BUSY, again_if_late, longer_than, pace, settled, together
from harness.watch import peak_memory
from harness.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, wired

CONFIGURATION = """
workers 1
log { access json stdout }
listen 127.0.0.1:$https { tls { certificate self_signed } }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app }
sessions stage { store query:store; device query:device; limit 1 eject_old }
defaults { backend app; send_queue 64k }
route /stage            { websocket; slow wait; sessions stage }
route /cut              { websocket; slow cut 1s under 64k }
route /cut/compressed   { websocket; slow cut 1s under 64k; compress }
route /steady            { websocket; slow cut 2s; ping 1s; silence 20s }
route /steady/compressed { websocket; slow cut 2s; ping 1s; silence 20s; compress }
route /gulps            { websocket; slow cut 2s under 16k; ping 10s; silence 30s }
route /gulps/compressed { websocket; slow cut 2s under 16k; ping 10s; silence 30s; compress }
route /later            { websocket; slow cut 3s }
route /later/compressed { websocket; slow cut 3s; compress }
route /wait             { websocket; slow wait; ping 1s; silence 3s }
route /wait/compressed  { websocket; slow wait; ping 1s; silence 3s; compress }
route /usual            { websocket }
route /usual/compressed { websocket; compress }
route /patient            { websocket; slow cut 5m; sessions stage }
route /patient/compressed { websocket; slow cut 5m; sessions stage; compress }
route /large/compressed { websocket; slow cut 1s; send_queue 4m; compress }
"""
MEGABYTE = 1 << 20
#: Nothing that shrinks, so that compressed or not it is as long as it is.
NOISE = random.Random(1).randbytes(16 * 1024)


#: A client whose kernel and whose reader hold next to nothing.
SMALL = {"receive_buffer": 4096, "limit": 1024}
MEDIUM = {"receive_buffer": 32_768, "limit": 16_384}


@pytest.fixture
def slowly(gateway, upstream):
    def open(path, door=gateway.plain):
        return wired(door, upstream, path, DEFLATE, **SMALL)

    return open


class Flood:
    """The app sends numbered messages for as long as anybody takes them."""

    def __init__(self, app, most=1 << 62):
        self.app, self.sent, self.most = app, 0, most
        self.task = asyncio.create_task(self._run())

    async def _run(self):
        with contextlib.suppress(ConnectionError):
            while self.sent < self.most and not self.app.writer.transport.is_closing():
                await self.app.send(BINARY, self.sent.to_bytes(8, "big") + NOISE)
                self.sent += 1
                await asyncio.sleep(0)

    async def stands_still(self, readings=15):
        await settled(lambda: self.sent, "the app's sending", readings)
        return self.sent

    def stop(self):
        self.task.cancel()


def numbers(messages):
    return [int.from_bytes(one[:8], "big") for one in messages]


async def read_all(client):
    """Numbers of the messages to the end; the close code, or None when it was cut off."""
    heard = []
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            one = await client.receive()
            if one.opcode == CLOSE:
                await client.ended()
                return numbers(heard), int.from_bytes(one.payload[:2], "big")
            if one.opcode == BINARY:
                assert one.payload[8:] == NOISE
                heard.append(one.payload)
    return numbers(heard), None


# `slow cut`.


async def stalled_client_is_cut(gateway, slowly, path, after, door):
    async with slowly(path, door) as (client, app):
        began = time.monotonic()
        flood = Flood(app)
        await flood.stands_still()
        stood = time.monotonic()
        # Its upstream is not held for it, and is told.
        frames, rest = await app.frames_to_the_end(patience=45)
        ended = time.monotonic()
        assert rest == b"" and [one.opcode for one in frames] in ([], [CLOSE])
        # What it has taken so far buys it some time, up to six times as much.
        assert after < ended - began and ended - stood < after * 6 + 8, f"{ended - stood:.2f} s"
        heard, code = await read_all(client)
        assert heard == list(range(len(heard))) and len(heard) > 0
        # Between messages it is told why; within a frame nothing can be told.
        assert code in ([4008] if path.endswith("compressed") else [4008, None])
    await assert_logged(gateway, client.mark, "slow_consumer")


async def client_stalled_within_a_frame_is_cut(gateway, slowly):
    """What it finds when it reads on is the frame as it was, and nothing of ours in it."""
    async with slowly("/cut") as (client, app):
        head = app.octets(BINARY, b"", length=64 * MEGABYTE)
        body = itertools.repeat(b"\x88\x02\x0f\xa8" * 16_384)

        async def send():
            with contextlib.suppress(ConnectionError):
                await app.say(head)
                for part in itertools.islice(body, 1024):
                    await app.say(part)

        sending = asyncio.create_task(send())
        await app.end()
        octets = await client.end()
        sending.cancel()
        assert octets[: len(head)] == head
        sent = octets[len(head) :]
        assert sent == (b"\x88\x02\x0f\xa8" * (len(sent) // 4 + 1))[: len(sent)]
        assert len(sent) < 32 * MEGABYTE
    assert (await line(gateway, client.mark))["reason"] == "slow_consumer"


async def client_stalled_behind_pings_is_cut(gateway, slowly, path):
    """The queue is one, whatever the frames are."""
    async with slowly(path) as (client, app):
        sent = 0

        async def ask():
            nonlocal sent
            with contextlib.suppress(ConnectionError):
                while not app.writer.transport.is_closing():
                    await app.say(app.octets(PING, bytes(125)) * 200)
                    sent += 1
                    await asyncio.sleep(0)

        asking = asyncio.create_task(ask())
        await settled(lambda: sent, "the app's asking")
        await app.end()
        asking.cancel()
        client.reset()
    assert (await line(gateway, client.mark))["reason"] == "slow_consumer"


async def client_that_trickles_is_cut(gateway, slowly, path):
    """It takes something now and then, but less than it has to."""
    async with slowly(path) as (client, app):
        flood = Flood(app)
        await flood.stands_still()

        async def trickle():
            while True:
                await client.reader.read(512)
                await pace(0.05)

        trickling = asyncio.create_task(trickle())
        stood = time.monotonic()
        await app.end()
        assert time.monotonic() - stood < 12 + BUSY
        trickling.cancel()
        client.reset()
    assert (await line(gateway, client.mark))["reason"] == "slow_consumer"


async def client_that_reads_steadily_is_not_cut(gateway, upstream, path, buffers):
    """A message of 30 MB at 60 kB a second, which would take minutes, and whose queue is full all
    the time: for several times as long as it may stand still. When it stops, it is cut."""
    async with wired(gateway.plain, upstream, path, DEFLATE, **buffers) as (client, app):
        sending = asyncio.create_task(app.send(BINARY, NOISE * (30 * MEGABYTE // len(NOISE))))
        began = time.monotonic()
        total = 0
        while (passed := time.monotonic() - began) < 14:
            # However late the loop is, at this pace.
            while total < passed * 60_000:
                piece = await asyncio.wait_for(client.reader.read(3000), 5)
                assert piece, f"{path} {buffers}: cut behind {total} octets"
                total += len(piece)
            await pace(0.05)
        assert not sending.done() and not app.reader.at_eof(), f"{path} {buffers} {total}"
        stopped = time.monotonic()
        # What it took before has bought it some time, up to six times as much.
        await app.end(patience=40)
        assert 1 < time.monotonic() - stopped < 20
        sending.cancel()
        client.reset()
    assert (await line(gateway, client.mark))["reason"] == "slow_consumer"


async def client_that_gulps_is_not_cut(gateway, upstream, path, door):
    """It takes a lot at once, and then nothing for about twice as long as it may stand still,
    whether its queue runs empty by that or not. When it stops for good, it is cut."""
    async with wired(door, upstream, path, DEFLATE, **MEDIUM) as (client, app):
        sending = asyncio.create_task(app.send(BINARY, NOISE * (64 * MEGABYTE // len(NOISE))))
        for gulp in (128, 1024, 256, 2048):
            # The first time nobody knows yet how it goes on.
            left = gulp * 1024
            while left > 0:
                left -= len(await asyncio.wait_for(client.reader.read(65_536), 5))
            await longer_than("`slow cut`", 3.5)
            assert not app.reader.at_eof() and not sending.done(), f"{path}: cut after {gulp} kB"
        stopped = time.monotonic()
        await app.end(20)
        assert time.monotonic() - stopped < 13 + BUSY, "12 s from the last octet, some are over"
        sending.cancel()
        client.reset()
    assert (await line(gateway, client.mark))["reason"] == "slow_consumer"


async def client_that_catches_up_in_time_is_not_cut(gateway, slowly, path):
    """Again and again, for longer than `slow` in all."""
    async with slowly(path) as (client, app):
        for _ in range(3):
            flood = Flood(app)
            flood.most = await flood.stands_still() + 1
            await pace(0.8)
            for number in range(flood.most):
                one = await client.message([])
                assert one.payload[:8] == number.to_bytes(8, "big")
        await client.close(1000)
        assert await app.closed() == (1000, "")


async def large_queue_holds_what_it_says(gateway, slowly):
    """With 4 MB a burst of 3 MB waits for a client for longer than `slow`, because it is not full."""
    async with slowly("/large/compressed") as (client, app):
        flood = Flood(app, most=3 * MEGABYTE // len(NOISE))
        await flood.task
        await longer_than("`slow cut`", 2.5)
        for number in range(flood.sent):
            assert (await client.message([])).payload[:8] == number.to_bytes(8, "big")


# `slow wait`.


async def shows_life(client):
    while True:
        await client.send(PONG, b"alive")
        await pace(0.45)


async def living_client_is_waited_for(gateway, slowly, path, door):
    """It answers, but does not read: the app is held back, and in the end nothing is missing."""
    async with slowly(path, door) as (client, app):
        flood = Flood(app)
        living = asyncio.create_task(shows_life(client))
        # Long enough that it is not the others beside it that keep the gateway busy.
        stood = await flood.stands_still(readings=75)
        assert stood * len(NOISE) < 16 * MEGABYTE
        await longer_than("`silence`", 4.5)
        living.cancel()
        assert flood.sent == stood, "the app is held back"
        for number in range(stood + 300):
            one = await client.message([])
            assert one.payload == number.to_bytes(8, "big") + NOISE
        assert flood.sent > stood
        flood.stop()
        client.reset()
        await app.end()
    assert (await line(gateway, client.mark))["reason"] == "client_gone"


async def client_that_takes_little_by_little_is_waited_for(gateway, slowly, path):
    """For longer than `silence`, although the kernels hold so much that no pong can come."""
    async with slowly(path) as (client, app):
        flood = Flood(app)
        await flood.stands_still()
        for _ in range(120):
            await client.reader.read(2048)
            await pace(0.05)
        assert not app.reader.at_eof()
        flood.stop()
        client.reset()
        await app.end()
    assert (await line(gateway, client.mark))["reason"] == "client_gone"


async def dead_client_is_not_waited_for(gateway, slowly, path):
    """It neither reads nor speaks."""
    async with slowly(path) as (client, app):
        began = time.monotonic()
        flood = Flood(app)
        await flood.stands_still()
        stood = time.monotonic()
        await app.end()
        ended = time.monotonic()
        assert ended - began > 2.5 and ended - stood < 5.5 + BUSY, f"after {ended - stood:.2f} s"
        flood.stop()
    assert (await line(gateway, client.mark))["reason"] == "timeout"


async def closing_app_reaches_a_client_that_is_waited_for(gateway, slowly):
    """The queue is full, the app has said its last word: all of it arrives."""
    async with slowly("/wait") as (client, app):
        flood = Flood(app, most=400)

        async def goodbye():
            await flood.task
            await app.close(4007, "so long")

        leaving = asyncio.create_task(goodbye())
        for _ in range(6):
            await client.send(PONG, b"alive")
            await pace(0.3)
        heard, code = await read_all(client)
        assert (heard, code) == (list(range(400)), 4007)
        await leaving


async def closing_app_reaches_a_client_that_takes_its_time(gateway, slowly):
    """For longer than a close frame waits for its answer, and it says something meanwhile."""
    async with slowly("/wait") as (client, app):
        flood = Flood(app, most=250)

        async def goodbye():
            await flood.task
            await app.close(4007, "so long")

        leaving = asyncio.create_task(goodbye())
        living = asyncio.create_task(shows_life(client))
        heard = []
        for _ in range(250):
            heard.append(await client.message([]))
            await pace(0.08)
        assert numbers([one.payload for one in heard]) == list(range(250))
        assert (await client.receive()).payload[:2] == (4007).to_bytes(2, "big")
        living.cancel()
        await leaving


async def stalled_client_is_ejected(gateway, slowly, upstream):
    """Its seat is the newcomer's at once; it hears whole messages and why, or is cut."""
    async with slowly("/stage?store=1&device=A") as (client, app):
        flood = Flood(app)
        await flood.stands_still()
        async with wired(gateway.plain, upstream, "/stage?store=1&device=B") as (other, its_app):
            await its_app.send(TEXT, "inside")
            await other.hears(TEXT, "inside")
            await app.end(patience=8 + BUSY)
            opcodes = []
            with contextlib.suppress(asyncio.IncompleteReadError):
                while CLOSE not in opcodes:
                    one = await client.receive()
                    opcodes.append(one.opcode)
            ours = opcodes[opcodes.index(TEXT) :] if TEXT in opcodes else []
            assert ours in ([], [TEXT, CLOSE]), "our words are the last"
        flood.stop()
    assert (await line(gateway, client.mark))["reason"] == "force_disconnect"


# What ends in seconds does so although a full queue might stay for minutes.


async def closing_client_that_does_not_read_is_let_go(gateway, slowly, path):
    """Its close frame is passed on to an app that goes on sending."""
    async with slowly(path) as (client, app):
        await client.close(1000, "enough")
        flood = Flood(app)
        await flood.stands_still()
        await app.end(patience=9 + BUSY)
        flood.stop()
    await assert_logged(gateway, client.mark, "normal")


async def violation_of_a_client_that_does_not_read_ends_it(gateway, slowly, path):
    """The app has its moment to answer what came before, and floods."""
    async with slowly(path) as (client, app):
        await client.send(TEXT, "not masked", mask=None)
        flood = Flood(app)
        await flood.stands_still()
        await app.end(patience=5 + BUSY)
        flood.stop()
    await assert_logged(gateway, client.mark, "protocol_error")


async def client_within_a_message_without_end_is_ejected(gateway, slowly, upstream, device):
    """The end of the message is waited for, and does not come."""
    async with slowly(f"/patient?store={device}&device=A") as (client, app):
        await app.send(TEXT, b"it begins", final=False)
        assert not (await client.receive()).final
        async with wired(gateway.plain, upstream, f"/patient?store={device}&device=B"):
            sent = 0

            async def flood():
                nonlocal sent
                with contextlib.suppress(ConnectionError):
                    while not app.writer.transport.is_closing():
                        await app.send(CONTINUATION, NOISE, final=False)
                        sent += 1
                        await asyncio.sleep(0)

            flooding = asyncio.create_task(flood())
            await app.end(patience=9 + BUSY)
            flooding.cancel()
            assert sent * len(NOISE) > 64 * 1024, "the queue was full"
    await assert_logged(gateway, client.mark, "force_disconnect")


async def test_a_full_queue_puts_off_no_end(gateway, slowly, upstream):
    await together(
        *[
            scenario(gateway, slowly, f"{path}?store={scenario.__name__}{path}&device=A")
            for scenario in (
                closing_client_that_does_not_read_is_let_go,
                violation_of_a_client_that_does_not_read_ends_it,
            )
            for path in ("/patient", "/patient/compressed")
        ],
        client_within_a_message_without_end_is_ejected(gateway, slowly, upstream, "E"),
    )


# The other direction.


async def slow_app_holds_its_client_back_and_nobody_else(gateway, upstream):
    """What the app does not read, the client does not get rid of."""
    async with (
        wired(gateway.plain, upstream, "/cut", DEFLATE) as (client, app),
        wired(gateway.plain, upstream, "/cut/compressed", DEFLATE) as (other, other_app),
    ):
        floods = [Flood(client), Flood(other)]
        for flood in floods:
            await flood.stands_still()
        stood = [flood.sent for flood in floods]
        async with wired(gateway.plain, upstream, "/cut", DEFLATE) as (quick, quick_app):
            await quick.send(TEXT, "hello")
            await quick_app.hears(TEXT, "hello")
        for hearer, flood, least in zip((app, other_app), floods, stood):
            for number in range(least + 100):
                assert (await hearer.message()).payload[:8] == number.to_bytes(8, "big")
            flood.stop()
            flood.app.reset()


@pytest.mark.timeout(180)
@again_if_late
async def test_slow_readers(gateway, slowly, upstream):
    async with peak_memory(gateway) as peak:
        await together(
            stalled_client_is_cut(gateway, slowly, "/cut", 1, gateway.plain),
            stalled_client_is_cut(gateway, slowly, "/cut/compressed", 1, gateway.plain),
            stalled_client_is_cut(gateway, slowly, "/cut", 1, gateway.tls),
            stalled_client_is_cut(gateway, slowly, "/cut/compressed", 1, gateway.tls),
            stalled_client_is_cut(gateway, slowly, "/usual", 5, gateway.plain),
            stalled_client_is_cut(gateway, slowly, "/usual/compressed", 5, gateway.plain),
            client_stalled_within_a_frame_is_cut(gateway, slowly),
            client_stalled_behind_pings_is_cut(gateway, slowly, "/cut"),
            client_stalled_behind_pings_is_cut(gateway, slowly, "/cut/compressed"),
            stalled_client_is_ejected(gateway, slowly, upstream),
            client_that_trickles_is_cut(gateway, slowly, "/cut"),
            client_that_trickles_is_cut(gateway, slowly, "/cut/compressed"),
            client_that_catches_up_in_time_is_not_cut(gateway, slowly, "/later"),
            client_that_catches_up_in_time_is_not_cut(gateway, slowly, "/later/compressed"),
            large_queue_holds_what_it_says(gateway, slowly),
            living_client_is_waited_for(gateway, slowly, "/wait", gateway.plain),
            living_client_is_waited_for(gateway, slowly, "/wait/compressed", gateway.plain),
            dead_client_is_not_waited_for(gateway, slowly, "/wait"),
            dead_client_is_not_waited_for(gateway, slowly, "/wait/compressed"),
            closing_app_reaches_a_client_that_is_waited_for(gateway, slowly),
            closing_app_reaches_a_client_that_takes_its_time(gateway, slowly),
            *[
                client_that_takes_little_by_little_is_waited_for(gateway, slowly, path)
                for path in ("/wait", "/wait/compressed")
            ],
            slow_app_holds_its_client_back_and_nobody_else(gateway, upstream),
        )
    assert peak.growth < 24 * MEGABYTE, "a score of sockets, and one queue of 4 MB"


@pytest.mark.timeout(180)
@again_if_late
async def test_steady_readers(gateway, upstream):
    """Those of large buffers take a lot at once, and then nothing for longer than `slow` says."""
    await together(
        client_that_reads_steadily_is_not_cut(gateway, upstream, "/steady", SMALL),
        client_that_reads_steadily_is_not_cut(gateway, upstream, "/steady/compressed", SMALL),
        client_that_reads_steadily_is_not_cut(gateway, upstream, "/steady", MEDIUM),
    )


@pytest.mark.timeout(180)
@again_if_late
async def test_readers_that_take_a_lot_at_once(gateway, upstream):
    """As a video player does: far above the least rate on the whole, in gulps."""
    await together(
        client_that_gulps_is_not_cut(gateway, upstream, "/gulps", gateway.plain),
        client_that_gulps_is_not_cut(gateway, upstream, "/gulps/compressed", gateway.plain),
        client_that_gulps_is_not_cut(gateway, upstream, "/gulps", gateway.tls),
    )


@pytest.mark.timeout(180)
@again_if_late
async def test_nobody_else_waits_for_a_slow_reader(gateway, slowly, upstream):
    """On one worker, and on the same route."""
    async with slowly("/wait") as (slow, app), slowly("/wait/compressed") as (other, other_app):
        floods = [Flood(app), Flood(other_app)]
        for flood in floods:
            await flood.stands_still()
        stood = [flood.sent for flood in floods]

        async def quick(path):
            async with wired(gateway.plain, upstream, path, DEFLATE) as (client, app):
                flood = Flood(app, most=1000)
                for number in range(1000):
                    one = await client.message([])
                    assert one.payload[:8] == number.to_bytes(8, "big")
                await flood.task
                for _ in range(50):
                    await client.send(PING, b"there and back")
                    await app.expect(PING, b"there and back")

        started = time.monotonic()
        await together(quick("/wait"), quick("/wait/compressed"), quick("/cut"))
        assert time.monotonic() - started < 10
        assert [flood.sent for flood in floods] == stood, "all that time it stood still"
        for flood in floods:
            flood.stop()
        slow.reset()
        other.reset()

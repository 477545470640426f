"""permessage-deflate (RFC 7692) to the octet: what may stand in a compressed message and what may
not, contexts that are kept, messages that do not shrink, and bombs."""

import asyncio
import contextlib
import random
import ssl
import time
import zlib

import pytest

from harness.certificates import CONTEXT
from harness.deflating import BROWSER, DEFLATE, NO_TAKEOVER, Speaker, assert_speak_on, words
from harness.log import assert_logged
from harness.raw import connection
from harness.waiting import PATIENCE, together
from harness.watch import peak_memory
from harness.wire import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, TEXT, Frame, Message, close_payload, deflated,
    frame, handshake, inflated, marked, wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$http
listen 127.0.0.1:$https { tls { certificate self_signed } }
backend app { server 127.0.0.1:$app }
defaults { backend app; message_size 64k; inflated_size 256k }
route /shared    { websocket; compress over 64 ratio 100 }
route /dedicated {
    websocket; compress over 64 context dedicated window 11 memory 4 budget 1m ratio 50
}
route /full      { websocket; compress level 9 over 1 context dedicated }
route /large     { websocket; compress over 64; inflated_size 8m }
route /both      { websocket; compress over 64 ratio 100 upstream }
"""
PATHS = ["/shared", "/dedicated", "/full"]


@pytest.fixture
def opened(gateway, upstream):
    @contextlib.asynccontextmanager
    async def open(path, *fields, **options):
        async with wired(gateway.plain, upstream, path, *(fields or [BROWSER]), **options) as ends:
            client, app = ends
            yield client, app, Speaker(client)

    return open


# What may stand in a compressed message.


LONG = words(4000)
NOISE = random.Random(5).randbytes(20_000)
MESSAGES = {
    # The examples of RFC 7692, section 7.2.3.
    "fixed codes": (bytes.fromhex("f248cdc9c90700"), b"Hello"),
    "no compression": (bytes.fromhex("000500faff48656c6c6f00"), b"Hello"),
    "BFINAL": (bytes.fromhex("f348cdc9c9070000"), b"Hello"),
    "two blocks": (bytes.fromhex("f248050000 00ffffcac9c90700"), b"Hello"),
    "empty": (b"\x00", b""),
    "empty with fixed codes": (b"\x02\x00", b""),
    "empty with BFINAL": (b"\x03\x00\x00", b""),
    "many empty blocks": (b"\x00\x00\x00\xff\xff" * 100 + b"\x00", b""),
    "level 0": (deflated(LONG.encode(), level=0), LONG.encode()),
    "level 9": (deflated(LONG.encode(), level=9), LONG.encode()),
    "a window of 9 bits": (deflated(LONG.encode(), window=9), LONG.encode()),
    "a full flush": (deflated(LONG.encode(), end=zlib.Z_FULL_FLUSH), LONG.encode()),
    "one long final block": (deflated(LONG.encode(), end=zlib.Z_FINISH) + b"\x00", LONG.encode()),
    "a flush too many": (deflated(b"Hello") + b"\x00\x00\xff\xff\x00", b"Hello"),
    "what does not shrink": (deflated(NOISE), NOISE),
    "a single octet": (deflated(b"\0"), b"\0"),
    "65536 times nothing": (deflated(bytes(65536)), bytes(65536)),
}  # fmt: skip


def test_the_messages_are_what_they_say():
    """As far as zlib itself knows; it stops at a final block."""
    for name, (octets, payload) in MESSAGES.items():
        assert inflated(octets) == payload, name


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", MESSAGES)
async def test_every_compressed_message_arrives(opened, path, name):
    octets, payload = MESSAGES[name]
    # Who did not offer to use a smaller window uses the largest.
    async with opened(path, DEFLATE) as (client, app, speaker):
        for opcode in (TEXT, BINARY):
            await client.send(opcode, octets, reserved=RSV1)
            await app.hears(opcode, payload)
        # Octet by octet in fragments, and on the wire.
        await client.send(TEXT, octets[:1], final=False, reserved=RSV1)
        for index in range(1, min(len(octets), 100)):
            await client.send(CONTINUATION, octets[index : index + 1], final=False)
        await client.send(CONTINUATION, octets[100:])
        await app.hears(TEXT, payload)
        # And nothing of it stays.
        await client.send(TEXT, "plain")
        await app.hears(TEXT, "plain")
        await client.send(TEXT, deflated(b"compressed"), reserved=RSV1)
        await app.hears(TEXT, "compressed")


@pytest.mark.parametrize("path", ["/dedicated", "/full"])
async def test_a_final_block_does_not_end_the_context(opened, path):
    """The window goes on behind it (RFC 7692, section 7.2.2): what comes next may point there."""
    async with opened(path) as (client, app, speaker):
        first = words(50)
        final = deflated(first.encode(), window=11, end=zlib.Z_FINISH) + b"\x00"
        await client.send(TEXT, final, reserved=RSV1)
        await app.hears(TEXT, first)
        compressor = zlib.compressobj(6, zlib.DEFLATED, -11, zdict=first.encode())
        again = compressor.compress(first.encode()) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert len(again) < 20, "it does point there"
        await client.send(TEXT, again[:-4], reserved=RSV1)
        await app.hears(TEXT, first)


@pytest.mark.parametrize("path", PATHS)
async def test_control_frames_between_compressed_fragments(opened, path):
    async with opened(path) as (client, app, speaker):
        octets = deflated(LONG.encode(), window=11)
        await client.send(TEXT, octets[:10], final=False, reserved=RSV1)
        await client.send(PING, b"one")
        await app.expect(PING, b"one")
        await client.send(CONTINUATION, b"", final=False)
        await client.send(PONG, b"two")
        await app.expect(PONG, b"two")
        await client.send(CONTINUATION, octets[10:], final=False)
        await app.send(PING, b"three")
        await client.expect(PING, b"three")
        await client.send(CONTINUATION, b"")
        await app.hears(TEXT, LONG)
        # And the other way.
        await app.send(TEXT, LONG[:10], final=False)
        await app.send(PING, b"four")
        await client.expect(PING, b"four")
        await app.send(CONTINUATION, LONG[10:])
        assert await client.message() == Message(TEXT, LONG.encode(), True)


def pointing_back():
    """Deflated octets that point to where no octets were."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=LONG.encode())
    octets = compressor.compress(LONG.encode()) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return octets[:-4]


CORRUPT = {
    "a block of no known type": b"\x06\x00",
    "ones": b"\xff" * 8,
    "a length that does not match": b"\x00\x05\x00\x00\x00Hello\x00",
    "a distance too far": pointing_back(),
    "too many codes": b"\xfc\xff\xff\xff\xff\xff\xff\xff",
    "cut within a length": b"\x00\x05",
    "cut within fixed codes": bytes.fromhex("f248cdc9"),
    "cut within a header": deflated(LONG.encode())[:20],
    "another coding": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + deflated(b"Hello"),
    "good and then bad": deflated(LONG.encode(), end=zlib.Z_FULL_FLUSH) + b"\x00\x00\xff\xff\x06",
}


def test_the_corrupt_is_corrupt():
    """zlib says so, or still waits for the end of a block: what would come next is no block."""
    for name, octets in CORRUPT.items():
        inflater = zlib.decompressobj(-15)
        with pytest.raises(zlib.error):
            inflater.decompress(octets + b"\x00\x00\xff\xff")
            inflater.decompress(b"\x06\x00" * 4)
            raise AssertionError(f"{name} is in order")


#: An app that compresses, too, where it is offered.
ACCEPTS = {"/both": [NO_TAKEOVER]}


@pytest.mark.parametrize("path", [*PATHS, "/both"])
async def test_corrupt_data_is_1007(gateway, upstream, path):
    answer = ACCEPTS.get(path, [])

    async def ends(name, octets):
        async with wired(gateway.plain, upstream, path, BROWSER, answer=answer) as (client, app):
            await client.send(TEXT, octets[:3], final=False, reserved=RSV1)
            await client.send(CONTINUATION, octets[3:])
            code, reason = await client.closed()
            assert code == 1007, name
            await client.ended()
            frames, rest = await app.frames_to_the_end()
            assert rest == b"" and [one.opcode for one in frames if one.final] == [CLOSE], name
        await assert_logged(gateway, client.mark, "invalid_payload", told=reason)

    await together(*(ends(*row) for row in CORRUPT.items()))


async def test_a_context_that_was_agreed_away_is_not_kept(gateway, opened):
    """A client that points into its last message all the same."""
    async with opened("/shared") as (client, app, speaker):
        speaker.keeps = True
        await speaker.say(TEXT, LONG)
        await app.hears(TEXT, LONG)
        await speaker.say(TEXT, LONG)
        assert (await client.closed())[0] == 1007


async def test_a_compressed_message_of_no_octets_at_all(opened):
    """Not even one block: an empty message, or corrupt; nothing else."""
    for path in PATHS:
        async with opened(path) as (client, app, speaker):
            await client.send(TEXT, b"", reserved=RSV1)
            await client.send(TEXT, "next")
            one = await app.receive()
            assert one in (Frame(TEXT, b""), Frame(CLOSE, one.payload))
            if one.opcode == CLOSE:
                assert (await client.closed())[0] == 1007


# What goes to the client.


@pytest.mark.parametrize("path", ["/shared", "/dedicated"])
async def test_what_does_not_shrink_is_sent_as_it_is(opened, path):
    """Neither noise nor what is shorter than `over`; and the context does not suffer from it."""
    noise = random.Random(8)
    async with opened(path) as (client, app, speaker):
        for number in range(40):
            junk = noise.randbytes(noise.choice([64, 100, 1000, 10_000]))
            await app.send(BINARY, junk)
            assert await client.message() == Message(BINARY, junk, False)
            short = words(3, number)
            await app.send(TEXT, short)
            assert await client.message() == Message(TEXT, short.encode(), False)
            text = words(400, number)
            await app.send(TEXT, text)
            assert await client.message() == Message(TEXT, text.encode(), True)


@pytest.mark.parametrize("path", PATHS)
async def test_empty_messages(opened, path):
    async with opened(path) as (client, app, speaker):
        for opcode in (TEXT, BINARY):
            await app.send(opcode, b"")
            await client.hears(opcode, b"")
            await speaker.say(opcode, b"")
            await app.hears(opcode, b"")
            await client.send(opcode, b"")
            await app.hears(opcode, b"")
        await assert_speak_on(speaker, app)


@pytest.mark.parametrize("path", ["/dedicated", "/full"])
async def test_kept_contexts_over_many_messages(opened, path):
    """Both directions, compressed and not, whole and in fragments, longer than the window."""
    chance = random.Random(4)
    async with opened(path) as (client, app, speaker):
        assert speaker.keeps and client.inflater is not None

        async def up():
            for number in range(200):
                text = words(chance.choice([1, 5, 50, 500, 3000]), number % 7)
                if chance.random() < 0.2:
                    await client.send(TEXT, text)
                else:
                    await speaker.say(TEXT, text, [chance.randrange(2000) for _ in range(number % 4)])
                await app.hears(TEXT, text)

        async def down():
            for number in range(200):
                text = words(random.Random(number).choice([1, 5, 50, 500, 3000]), number % 5)
                await app.send(TEXT, text[:10], final=number % 3 > 0 and len(text) <= 10)
                if not (number % 3 > 0 and len(text) <= 10):
                    await app.send(CONTINUATION, text[10:])
                await client.hears(TEXT, text)

        await asyncio.gather(up(), down())


async def test_a_kept_context_makes_the_second_message_short(opened):
    sizes = {}
    for path in ("/shared", "/dedicated"):
        async with opened(path) as (client, app, speaker):
            text = words(150)
            for _ in range(2):
                await app.send(TEXT, text)
                one = await client.receive()
                assert one.reserved == RSV1
                if client.inflater is not None:
                    inflated(one.payload, client.inflater)
            sizes[path] = len(one.payload)
    assert sizes["/dedicated"] < sizes["/shared"] / 4


async def test_a_broadcast_is_the_same_for_everybody(gateway, upstream):
    """Clients with other windows, and without any, among them: each gets what it can read."""
    offers = [BROWSER, DEFLATE, DEFLATE + "; server_max_window_bits=9", None, BROWSER] * 2
    async with contextlib.AsyncExitStack() as stack:
        ends = [
            await stack.enter_async_context(
                wired(gateway.plain, upstream, "/shared", *([offer] if offer else []))
            )
            for offer in offers
        ]
        for number in range(20):
            text = words(600, number)
            for _, app in ends:
                await app.send(TEXT, text)
            for (client, _), offer in zip(ends, offers):
                bits = 9 if offer and "=9" in offer else 15
                client.inflater = zlib.decompressobj(-bits)
                assert await client.message() == Message(TEXT, text.encode(), offer is not None)


@pytest.mark.parametrize("path", [*PATHS, "/both"])
@pytest.mark.parametrize("fragment", [1 << 22, 50_000])
async def test_a_message_of_the_apps_far_above_the_inflated_size_arrives_whole(
    gateway, upstream, path, fragment
):
    """In pieces, because it is not kept; and the context does not suffer from it."""
    size = 4 << 20
    text = (words(20_000) * (size // 100_000))[:size].encode()
    parts = [text[start : start + fragment] for start in range(0, size, fragment)]
    async with wired(gateway.plain, upstream, path, BROWSER) as (client, app):
        speaker = Speaker(client)

        async def send():
            for index, part in enumerate(parts):
                await app.send(
                    CONTINUATION if index else TEXT, part, final=index == len(parts) - 1
                )
                await app.send(PING, b"in between")

        async with peak_memory(gateway, every=0.01) as peak:
            sending = asyncio.create_task(send())
            controls = []
            heard = await client.message(controls)
            await sending
        assert heard.payload == text
        while len(controls) < len(parts):
            controls.append(await client.receive())
        assert set(controls) == {Frame(PING, b"in between")}
        assert peak.growth < 3 << 20
        await assert_speak_on(speaker, app)


# Bombs.


def with_ratio(size, ratio):
    """So many octets that shrink to a part of themselves, as good as exactly."""
    noise = random.Random(size).randbytes(size // ratio)
    return noise + bytes(size - len(noise))


BOMBS = {
    # What it inflates to, whether it is let in: on `/shared` (ratio 100), on `/dedicated` (50).
    "as much as may be": (with_ratio(256 * 1024, 10), True, True),
    "one octet more": (with_ratio(256 * 1024 + 1, 10), False, False),
    "nothing, 64 KiB of it": (bytes(64 * 1024), True, True),
    "nothing, 250 KiB of it": (bytes(250 * 1024), False, False),
    "30 to 1": (with_ratio(250_000, 33), True, True),
    "75 to 1": (with_ratio(250_000, 82), True, False),
    "200 to 1": (with_ratio(250_000, 400), False, False),
    "nothing, 40 MB of it": (bytes(40_000_000), False, False),
}


@pytest.mark.parametrize("path", ["/shared", "/dedicated", "/both"])
@pytest.mark.parametrize("name", BOMBS)
async def test_bombs(gateway, opened, path, name):
    payload, by_default, with_50 = BOMBS[name]
    is_allowed = with_50 if path == "/dedicated" else by_default
    async with opened(path, answer=ACCEPTS.get(path, [])) as (client, app, speaker):
        octets = speaker.deflate(payload)
        assert len(octets) < 64 * 1024, "on the wire it is none"
        memory = gateway.memory()
        size = 16_000
        parts = [octets[start : start + size] for start in range(0, len(octets), size)]
        with contextlib.suppress(ConnectionError):
            for index, part in enumerate(parts):
                await client.send(
                    CONTINUATION if index else BINARY,
                    part,
                    final=index == len(parts) - 1,
                    reserved=0 if index else RSV1,
                )
        if is_allowed:
            await app.hears(BINARY, payload)
            return
        code, reason = await client.closed()
        assert code == 1009
        await client.ended()
        frames, rest = await app.frames_to_the_end()
        assert rest == b"" and frames[-1].opcode == CLOSE
        assert not any(one.final for one in frames[:-1])
        assert gateway.memory() - memory < 8 << 20
    await assert_logged(gateway, client.mark, "too_big", told=reason)


async def test_a_bomb_in_a_kept_context(gateway, opened):
    """Its fuse is in the message before."""
    async with opened("/dedicated") as (client, app, speaker):
        await speaker.say(BINARY, bytes(60_000))
        await app.hears(BINARY, bytes(60_000))
        await speaker.say(BINARY, bytes(10_000_000))
        assert (await client.closed())[0] == 1009


async def test_many_bombs_at_once_cost_no_memory(gateway, opened):
    octets = deflated(bytes(30_000_000), window=11)

    async def one(path):
        async with opened(path) as (client, _, _):
            await client.send(BINARY, octets, reserved=RSV1)
            assert (await client.closed())[0] == 1009

    async with peak_memory(gateway, every=0.01) as peak:
        await asyncio.gather(*[one(path) for path in ["/shared", "/dedicated"] * 15])
    assert peak.growth < 16 << 20


@pytest.mark.parametrize("count, size, code", [(40, 64 << 20, 1009), (3, 8 << 20, None)])
async def test_bombs_take_no_memory_and_hold_up_nobody(gateway, opened, count, size, code):
    """Without a ratio: many at once, each a thousand times as large as it looks, and while they
    go off somebody speaks on the same route."""
    bomb = deflated(bytes(size), level=9)
    assert len(bomb) < 66_000
    async with contextlib.AsyncExitStack() as stack:
        ends = [await stack.enter_async_context(opened("/large")) for _ in range(count)]
        quick, its_app, _ = await stack.enter_async_context(opened("/large"))

        async def goes_off(client, app):
            await client.send(BINARY, bomb, reserved=RSV1)
            if code:
                assert (await client.closed())[0] == code
                await app.end()
            else:
                assert len((await app.message()).payload) == size

        async with peak_memory(gateway) as peak:
            bombs = [asyncio.create_task(goes_off(client, app)) for client, app, _ in ends]
            slowest = 0
            while not all(one.done() for one in bombs):
                began = time.monotonic()
                await quick.send(TEXT, "there and back")
                await its_app.hears(TEXT, "there and back")
                slowest = max(slowest, time.monotonic() - began)
            for one in bombs:
                await one
        # What the app has not taken yet waits here; the apps are all this test, which is slow.
        most = 32 if code else count * 8 + 32
        assert peak.growth < most << 20, f"{peak.growth >> 20} MB"
        assert slowest < 5, f"{slowest:.2f} s"


class OneFlight:
    """A client that speaks TLS by itself, so that its last words and its close_notify travel in one
    segment: the gateway finds them at once."""

    def __init__(self, raw):
        self.raw = raw
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = CONTEXT.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    async def flush(self):
        await self.raw.send(self.outgoing.read())

    async def do(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                await self.flush()
                octets = await asyncio.wait_for(self.raw.reader.read(65_536), PATIENCE)
                assert octets, "the connection has ended"
                self.incoming.write(octets)

    async def say_last(self, octets):
        self.tls.write(octets)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        await self.flush()


async def test_what_was_said_right_before_the_end_of_a_tls_connection_arrives(gateway, upstream):
    """The first message inflates to more than a turn's share, so that the others wait for the next
    one; meanwhile the end has been heard."""
    target = marked("/large")
    async with connection(gateway.tls, tls=False) as raw:
        client = OneFlight(raw)
        await client.do(client.tls.do_handshake)
        client.tls.write(handshake(target, BROWSER))
        await client.flush()
        app = await upstream.arrival(target)
        await app.switch()
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await client.do(lambda: client.tls.read(1))
        assert head.startswith(b"HTTP/1.1 101 ")
        octets = frame(BINARY, deflated(bytes(2 << 20)), reserved=RSV1, mask=b"mask")
        octets += frame(TEXT, deflated(b"the last words"), reserved=RSV1, mask=b"mask")
        octets += frame(CLOSE, close_payload(1000), mask=b"mask")
        await client.say_last(octets)
        await app.hears(BINARY, bytes(2 << 20))
        await app.hears(TEXT, b"the last words")
        assert await app.closed() == (1000, "")
        await app.ended()
    await assert_logged(gateway, target, "normal")

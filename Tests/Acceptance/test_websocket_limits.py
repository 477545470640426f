"""What a client may send: every limit holds to the octet, is configurable, and has an ending of
its own. The app, which is ours, has none of them."""

import asyncio
import contextlib

import pytest

from harness.deflating import DEFLATE
from harness.log import assert_logged
from harness.waiting import longer_than, settled
from harness.watch import peak_memory
from harness.wire import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, frame, wired,
)  # fmt: skip

CONFIGURATION = """
log { access json stdout }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app }
defaults { backend app; message_size 3000; frame_size 2000; fragments 5; control_rate 20 }
route /defaults             { websocket }
route /message              { websocket; message_size 1000 }
route /message/compressed   { websocket; message_size 1000; compress }
route /frame                { websocket; frame_size 100 }
route /frame/compressed     { websocket; frame_size 100; compress }
route /fragments            { websocket; fragments 3 }
route /fragments/compressed { websocket; fragments 3; compress }
route /control              { websocket; control_rate 5 }
route /control/compressed   { websocket; control_rate 5; compress }
route /control/answered     { websocket; control_rate 5; ping answer }
route /flood                { websocket; control_rate 100000 }
route /flood/answered       { websocket; control_rate 100000; ping answer }
route /flood/compressed     { websocket; control_rate 100000; ping answer; compress }
route /huge                 { websocket; message_size 1g; frame_size off }
route /huge/compressed      { websocket; message_size 1g; frame_size off; inflated_size 1g; compress }
route /wide                 { websocket; message_size 1m; frame_size off; fragments 1000000 }
"""
BUILT_IN = """
log { access json stdout }
listen 127.0.0.1:$http
backend app { server 127.0.0.1:$app }
route /passed-on  { websocket; backend app }
route /compressed { websocket; compress; backend app }
"""


@pytest.fixture(scope="module")
def plain_gateway(start_wired_gateway):
    """One whose configuration says no limit at all."""
    return start_wired_gateway(BUILT_IN)


@pytest.fixture
def opened(gateway, upstream):
    return lambda path, **options: wired(gateway.plain, upstream, path, DEFLATE, **options)


def data(*sizes):
    """A message in fragments of these sizes."""
    last = len(sizes) - 1
    return [
        Frame(CONTINUATION if index else TEXT, b"x" * size, final=index == last)
        for index, size in enumerate(sizes)
    ]


def pings(count):
    return [Frame(PING, b"p")] * count


#: `path: (what is allowed, one frame too many or too big, close code, word)`.
LIMITS = {
    "a message": ("/message", data(1000) + data(500, 500) + data(0, 0, 0, 1000), data(1001)),
    "a message in fragments": ("/message", data(1000), data(500, 501)),
    "a message of empty fragments": ("/message", [], data(1000, 0, 0, 1)),
    "a frame": ("/frame", data(100) + data(100, 100, 100), data(101)),
    "a frame that is the first": ("/frame", [], data(101, 1)),
    "a frame that is the last": ("/frame", data(1), data(100, 100, 101)),
    "fragments": ("/fragments", data(1, 1, 1) + data(1, 1, 1), data(1, 1, 1, 1)),
    "empty fragments": ("/fragments", data(0, 0, 0), data(0, 0, 0, 0)),
    "the message of the defaults": ("/defaults", data(2000, 1000), data(2000, 1001)),
    "the frame of the defaults": ("/defaults", data(2000), data(2001)),
    "the fragments of the defaults": ("/defaults", data(1, 1, 1, 1, 1), data(1, 1, 1, 1, 1, 1)),
}
CASES = [
    (name, path)
    for name, (path, _, _) in LIMITS.items()
    for path in ([path] if path == "/defaults" else [path, f"{path}/compressed"])
]


async def assert_ended(gateway, client, app, code, word):
    seen, reason = await client.closed()
    assert seen == code
    await client.ended()
    frames, rest = await app.frames_to_the_end()
    assert rest == b""
    assert frames[-1].opcode == CLOSE and frames[-1].payload[:2] == b"\x03\xe9"
    await assert_logged(gateway, client.mark, word, told=reason)


def whole(frames):
    """The messages of these frames."""
    messages, parts = [], []
    for one in frames:
        parts.append(one.payload)
        if one.final:
            messages.append(b"".join(parts))
            parts = []
    return messages


@pytest.mark.parametrize(("name", "path"), CASES)
async def test_a_limit_holds_to_the_octet(gateway, opened, name, path):
    _, allowed, beyond = LIMITS[name]
    async with opened(path) as (client, app):
        for one in allowed:
            await client.send(one.opcode, one.payload, final=one.final)
        for message in whole(allowed):
            await app.hears(TEXT, message)
        for one in beyond[:-1]:
            await client.send(one.opcode, one.payload, final=one.final)
        # The head alone is enough: nothing is waited for that would not be taken.
        last = beyond[-1]
        octets = client.octets(last.opcode, last.payload, final=last.final)
        await client.say(octets[: len(octets) - len(last.payload)])
        await assert_ended(gateway, client, app, 1009, "too_big")


@pytest.mark.parametrize("path", ["/control", "/control/compressed", "/control/answered"])
async def test_the_rate_of_control_frames(gateway, opened, path):
    """Five a second, and five at once."""
    async with opened(path) as (client, app):
        for one in pings(5):
            await client.send(one.opcode, one.payload)
        for _ in range(5):
            hearer, opcode = (client, PONG) if path.endswith("answered") else (app, PING)
            await hearer.expect(opcode, b"p")
        await client.send(PING, b"p")
        await assert_ended(gateway, client, app, 1013, "rate_limited")


@pytest.mark.parametrize("path", ["/control", "/control/compressed", "/control/answered"])
async def test_unsolicited_pongs_count_as_well(gateway, opened, path):
    async with opened(path) as (client, app):
        await client.say(b"".join(client.octets(PONG, b"p") for _ in range(6)))
        await assert_ended(gateway, client, app, 1013, "rate_limited")


async def test_control_frames_do_not_count_as_fragments(gateway, opened):
    async with opened("/fragments") as (client, app):
        for one in data(1, 1, 1):
            await client.send(PING, b"between")
            await client.send(one.opcode, one.payload, final=one.final)
        controls = []
        assert (await app.message(controls)).payload == b"xxx"
        assert len(controls) == 3


async def test_the_rate_recovers(opened):
    """Who keeps to it stays."""
    async with opened("/control") as (client, app):
        for pause in (1.1, 0):
            for _ in range(5):
                await client.send(PING, b"p")
                await app.expect(PING, b"p")
            await longer_than("the second that control frames are counted in", pause)
        await client.close(1000)
        assert await app.closed() == (1000, "")


async def test_a_close_is_always_allowed(opened):
    async with opened("/control") as (client, app):
        await client.say(b"".join(client.octets(PING, b"p") for _ in range(5)))
        await client.close(1000, "enough")
        for _ in range(5):
            await app.expect(PING, b"p")
        assert await app.closed() == (1000, "enough")


async def test_data_frames_are_not_limited_by_the_rate(opened):
    async with opened("/control") as (client, app):
        await client.say(client.octets(TEXT, "x") * 500)
        for _ in range(500):
            await app.hears(TEXT, "x")


@pytest.mark.parametrize(
    "path", sorted({path for _, path in CASES} | {"/control", "/control/compressed"})
)
async def test_the_app_has_no_limits(opened, path):
    async with opened(path) as (client, app):
        for one in data(5000) + data(3000, 3000) + data(*[1] * 50) + data(*[0] * 50):
            await app.send(one.opcode, one.payload, final=one.final)
        for size in (5000, 6000, 50, 0):
            await client.hears(TEXT, b"x" * size)
        for number in range(50):
            await app.send(PING, bytes([number]))
        for number in range(50):
            await client.expect(PING, bytes([number]))


async def test_a_route_may_widen_what_the_defaults_say(opened):
    async with opened("/wide") as (client, app):
        await client.send(TEXT, b"x" * 500_000)
        await app.hears(TEXT, b"x" * 500_000)
        sending = asyncio.create_task(
            client.say(
                b"".join(
                    client.octets(one.opcode, one.payload, final=one.final)
                    for one in data(*[0] * 16_500)
                )
            )
        )
        await app.hears(TEXT, b"")
        await sending


@pytest.mark.parametrize("path", ["/passed-on", "/compressed"])
async def test_built_in_limits(plain_gateway, upstream, path):
    def opened():
        return wired(plain_gateway.plain, upstream, path, DEFLATE)

    mask = b"abcd"
    async with opened() as (client, app):
        await client.say(frame(BINARY, length=(1 << 20) + 1, mask=mask))
        await assert_ended(plain_gateway, client, app, 1009, "too_big")
    async with opened() as (client, app):
        # Fragments without end and without an octet.
        await client.say(frame(TEXT, final=False, mask=mask))
        with contextlib.suppress(ConnectionError):
            await client.say(frame(CONTINUATION, final=False, mask=mask) * 16_384)
        await assert_ended(plain_gateway, client, app, 1009, "too_big")
    async with opened() as (client, app):
        with contextlib.suppress(ConnectionError):
            await client.say(frame(PING, mask=mask) * 200)
        await assert_ended(plain_gateway, client, app, 1013, "rate_limited")
    async with opened() as (client, app):
        await client.say(frame(PING, mask=mask) * 100)
        for _ in range(100):
            await app.expect(PING)


# Whoever floods fills his own pipe.


@pytest.mark.parametrize("path", ["/flood", "/flood/answered", "/flood/compressed"])
async def test_a_flood_of_pings_costs_no_memory(gateway, opened, path):
    """The app reads nothing, the client reads no pong, and nothing piles up in between: the flood
    is stopped, by back-pressure or by an end."""
    async with opened(path, receive_buffer=4096, limit=1024) as (client, app):
        octets = client.octets(PING, b"p" * 125) * 100
        sent = 0

        async def flood():
            nonlocal sent
            while sent < 900 and not client.writer.transport.is_closing():
                await client.say(octets)
                sent += 1
                await asyncio.sleep(0)

        async with peak_memory(gateway, every=0.01) as peak:
            flooding = asyncio.create_task(flood())
            await settled(lambda: sent, "the flood")
        flooding.cancel()
        client.reset()
    assert peak.growth < 6 << 20


@pytest.mark.parametrize("path", ["/huge", "/huge/compressed"])
@pytest.mark.parametrize("sender", ["client", "app"])
async def test_a_length_is_only_a_promise(gateway, opened, path, sender):
    """Memory is for octets that came, not for those that were announced."""
    async with peak_memory(gateway, every=0.01) as peak, contextlib.AsyncExitStack() as stack:
        ends = [await stack.enter_async_context(opened(path)) for _ in range(10)]
        for client, app in ends:
            speaker = client if sender == "client" else app
            await speaker.say(speaker.octets(BINARY, b"x" * 1000, length=1 << 30, length_form=64))
        for client, app in ends:
            # Everything came as far: a control frame in the other direction says so.
            speaker, hearer = (client, app) if sender == "client" else (app, client)
            await hearer.send(PING, b"so far")
            await speaker.expect(PING, b"so far")
        for client, app in ends:
            client.reset()
            app.reset()
    assert peak.growth < 8 << 20
